"""Watching tells what happens while it does, goes on after what breaks, and keeps little."""

from __future__ import annotations

import functools
import http.server
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import av
import numpy as np
import pytest

from vidparticles import cli, shots
from vidparticles.errors import InputError
from vidparticles.inference.watching import WatchConfig, Watcher, watch
from vidparticles.inference.watching.watch import SourceConfig
from vidparticles.video import Picture, footage, open_video

RATE = 10
SOON = SourceConfig(patience=0, poll=0, settled=0)


def scene(seed: int) -> np.ndarray:
    """A picture of blocks, [*SIZE, 3] uint8."""
    blocks = np.random.default_rng(seed).integers(40, 216, (9, 16, 3)).astype(np.uint8)
    size = [-(-n // m) for n, m in zip(shots.SIZE, blocks.shape[:2], strict=True)]
    return blocks.repeat(size[0], 0).repeat(size[1], 1)[: shots.SIZE[0], : shots.SIZE[1]]


def arriving(pictures):
    return ((k / RATE, Picture.of(picture)) for k, picture in enumerate(pictures))


def told(pictures, config: WatchConfig | None = None) -> list[tuple[str, str, float]]:
    found = Watcher(config).run(arriving(pictures))
    return [(h.what, h.state, round(h.time, 2)) for h in found]


def moved(picture: np.ndarray, k: int) -> np.ndarray:
    return np.roll(picture, 2 * k, 1)


def test_what_happens_is_told_with_its_time():
    still, black = scene(0), np.zeros((*shots.SIZE, 3), np.uint8)
    film = [
        *[still] * 30,
        *[moved(still, k) for k in range(20)],
        *[moved(still, 19)] * 30,
        *[black] * 20,
        *[scene(1)] * 30,
    ]
    found = told(film)
    assert ("frozen", "begins", 0.1) in found
    assert ("black", "begins", 8.0) in found
    begins, ends = ([t for w, s, t in found if (w, s) == ("motion", x)] for x in ("begins", "ends"))
    assert begins[0] == pytest.approx(3.1, abs=0.2)
    assert ends[0] == pytest.approx(5.0, abs=0.6)
    assert [t for what, _, t in found if what == "novelty"][-1] == pytest.approx(10.0, abs=0.5)
    for what in ("motion", "black", "frozen"):
        states = [state for w, state, _ in found if w == what]
        assert states == ["begins", "ends"] * (len(states) // 2)


def test_cuts_are_those_of_the_whole_clip():
    with open_video(footage.path("nasa")) as video:
        small = [picture.rgb(shots.SIZE) for picture in video.run()]
        times = video.times
    expected = times[np.flatnonzero(shots.cuts_of(small, times))]
    pairs = zip(times.tolist(), map(Picture.of, small), strict=True)
    found = [h.time for h in Watcher().run(pairs) if h.what == "cut"]
    assert found == pytest.approx(expected.tolist())


def test_what_was_there_before_is_not_novel():
    a, b = scene(0), scene(1)
    film = [*[a] * 20, *[b] * 20, *[a] * 20, *[b] * 20]
    assert len([1 for what, _, _ in told(film) if what == "novelty"]) == 1


def test_a_happening_is_told_before_the_frames_after_it_have_come():
    seen = []

    def pictures():
        for k in range(200):
            seen.append(k)
            yield k / RATE, Picture.of(scene(0) if k < 50 else scene(1))

    first = next(h for h in Watcher().run(pictures()) if h.what == "cut")
    assert first.time == 5.0
    assert len(seen) <= 50 + WatchConfig().ahead + 2


def test_memory_does_not_grow():
    """Resident memory of a process that is given more and more frames that all differ."""

    def resident() -> float:
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    if not pathlib.Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell a process' memory in /proc")
    sizes = []
    noise = np.random.default_rng(0)

    def pictures():
        for k in range(1500):
            if k % 300 == 299:
                sizes.append(resident())
            yield (
                k / RATE,
                Picture.of(moved(scene(k // 40), k) ^ noise.integers(0, 3, dtype=np.uint8)),
            )

    watcher = Watcher()
    events = sum(1 for _ in watcher.run(pictures()))
    assert events > 30
    assert sizes[-1] - sizes[1] < 15, sizes
    assert len(watcher._ways) <= WatchConfig().remembered


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> pathlib.Path:
    """A clip as a transport stream, which can be read from anywhere on."""
    path = tmp_path_factory.mktemp("streams") / "clip.ts"
    with av.open(str(footage.path("nasa"))) as source, av.open(str(path), "w") as out:
        track = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = track
                out.mux(packet)
    return path


def kinds(happenings) -> list[str]:
    return [h.what for h in happenings if h.what in ("begin", "cut", "broken", "end")]


def test_a_file_is_read_while_it_grows(stream, tmp_path):
    content = stream.read_bytes()
    path = tmp_path / "growing.ts"
    path.write_bytes(content[: len(content) // 2])
    found = []
    for happening in watch(path, waiting=SourceConfig(patience=5)):
        if not any(h.what not in ("begin", "end") for h in found) and len(found) == 1:
            with path.open("ab") as file:  # something was told of the first half
                file.write(content[len(content) // 2 :])
        found.append(happening)
        if happening.what == "cut":
            break
    assert kinds(found) == ["begin", "cut"]
    assert found[-1].time == pytest.approx(4.4, abs=0.1)


def test_a_folder_goes_on_after_a_broken_file(stream, tmp_path):
    (tmp_path / "old.ts").write_bytes(b"was there before")
    waits = itertools.count()

    def sleep(_):
        k = next(waits)
        if k == 1:
            (tmp_path / "a.mp4").write_bytes(b"no video")
        if k == 3:
            shutil.copy(stream, tmp_path / "b.ts")
        if k > 8:
            raise KeyboardInterrupt

    found = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(iter_into(found, watch(tmp_path, waiting=SOON, sleep=sleep)))
    assert kinds(found) == ["begin", "broken", "end", "begin", "cut", "end"]
    broken = next(h for h in found if h.what == "broken")
    assert broken.source.endswith("a.mp4")
    assert "is not a video that can be read" in broken.why


def iter_into(found, happenings):
    for happening in happenings:
        found.append(happening)
    return ()


def test_a_stream_with_damage_is_watched_on(stream, tmp_path):
    content = bytearray(stream.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 4000] = bytes(4000)
    path = tmp_path / "damaged.ts"
    path.write_bytes(content)
    assert kinds(watch(path, waiting=SOON)) == ["begin", "cut", "end"]


def test_an_address_is_tried_again_after_longer_and_longer():
    waits = []
    waiting = SourceConfig(patience=1, tries=8)
    found = list(watch("http://user:secret@127.0.0.1:9/x", waiting=waiting, sleep=waits.append))
    assert kinds(found) == ["begin", "broken", "end"] * 8
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert not any("secret" in h.why for h in found)


def test_a_server_that_comes_back_is_watched_again(stream):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(stream.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/{stream.name}"
        waits = []
        happenings = watch(address, waiting=SourceConfig(patience=5), sleep=waits.append)
        ends = 0
        found = []
        for happening in happenings:
            found.append(happening)
            ends += happening.what == "end"
            if ends == 2:
                break
        server.shutdown()
    assert kinds(found) == ["begin", "cut", "end"] * 2
    assert waits == [1]


def test_no_such_source_is_said(tmp_path, capsys):
    with pytest.raises(InputError, match="no such file or folder"):
        list(watch(tmp_path / "none"))
    assert cli.main(["watch", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_prints_lines_of_json_from_a_pipe(stream):
    code = "from vidparticles.command import console; console()"
    with stream.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", code, "watch", "-"], stdin=file, capture_output=True, text=True
        )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["what"] for r in rows if r["what"] in ("begin", "cut", "end")] == [
        "begin",
        "cut",
        "end",
    ]
    assert all(row["source"] == "-" for row in rows)


def test_ctrl_c_ends_it(stream):
    """While it waits for what does not come."""
    code = "from vidparticles.command import console; console()"
    watching = subprocess.Popen(
        [sys.executable, "-c", code, "watch", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    content = stream.read_bytes()
    watching.stdin.write(content[: len(content) // 2])
    watching.stdin.flush()
    lines = [watching.stdout.readline() for _ in range(2)]
    assert json.loads(lines[1])["time"] >= 0
    time.sleep(0.2)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(timeout=60) == 130
    watching.stdin.close()
    watching.stdout.close()
    assert b"stopped" in watching.stderr.read()
    watching.stderr.close()
