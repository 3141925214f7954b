"""What is told of clips of every kind, each read once: made ones, real ones, and bad ones."""

from __future__ import annotations

import collections
import wave

import jax
import numpy as np
import pytest

from tests import browser
from vidparticles import cli, inference, weights
from vidparticles.errors import InputError
from vidparticles.inference.understanding import features
from vidparticles.inference.understanding.networks import SERVES, Networks, networks
from vidparticles.inference.understanding.report import Report
from vidparticles.models.published.i3d import Actions
from vidparticles.models.published.parts import labels
from vidparticles.video import Sound, Video, footage, write_video
from vidparticles.viz.understanding.page import write_page
from vidparticles.viz.understanding.text import write_out

SIZE = 32
CONFIG = features.FeatureConfig(size=SIZE)
ACTIONS = labels.read("kinetics400")


def dark_is_archery(frames: np.ndarray) -> Actions:
    """Surely archery in the dark, and hardly anything in the light."""
    bright = frames.mean((1, 2, 3, 4))
    logits = np.zeros((len(frames), 400), np.float32)
    logits[:, ACTIONS.index("archery")] = np.where(bright < 100, 25.0, 5.0)
    steps = np.repeat(logits[:, None], 4, 1)
    return Actions(logits, steps, np.repeat(np.ones((len(frames), 4, 1), np.float32), 1024, 2))


def colors(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """No tags; dark and bright pictures have nothing in common."""
    bright = pictures.mean((1, 2, 3)) / 255
    features = np.zeros((len(pictures), 1280), np.float32)
    features[:, 0], features[:, 1] = np.maximum(0.4 - bright, 0), np.maximum(bright - 0.4, 0)
    return np.zeros((len(pictures), 1000), np.float32), features


MADE = Networks(dark_is_archery, colors)


def texture(seed: int, height: int = 60, width: int = 80) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(20, 120, (12, 16, 3)).astype(np.uint8)
    rows, columns = np.arange(height) * 12 // height, np.arange(width) * 16 // width
    return noise[rows][:, columns]


def panned(count: int, step: int = 2) -> np.ndarray:
    """A texture that goes to the left: the camera pans right."""
    wide = texture(3, 60, 400)
    return np.stack([wide[:, step * k : step * k + 80] for k in range(count)])


def told(path, **options) -> Report:
    options = {"objects": False, "networks_here": MADE, "config": CONFIG} | options
    return inference.understand(path, **options)


def write(folder, frames, rate=25, name="clip.mp4", **options):
    write_video(folder / name, frames, rate=rate, **options)
    return folder / name


def test_a_clip_of_two_shots_with_sound(tmp_path):
    frames = np.concatenate([panned(75), [texture(5) + 120] * 50])
    tone = 0.3 * np.sin(np.arange(40000) / 8).astype(np.float32)
    sound = np.concatenate([tone, np.zeros(40000, np.float32)])[:, None]
    clip = write(tmp_path, frames, audio=Sound.of(sound, rate=16000))
    report = told(clip)
    assert [(s.begins, s.start, s.end) for s in report.shots] == [("", 0, 3), ("cut", 3, 5)]
    assert [(t.label, t.start, t.end) for t in report.actions] == [
        ("archery", 0, 3),
        ("unsure", 3, 5),
    ]
    assert [t.label for t in report.camera] == ["pans right", "is still"]
    assert report.camera[0].end == pytest.approx(3, abs=0.3)
    (frozen,) = report.picture
    assert frozen.label in ("frozen", "still")  # by how it was coded
    assert frozen.start == pytest.approx(3, abs=0.5)
    assert [t.label for t in report.sound] == ["sound", "silence"]
    assert report.sound[0].end == pytest.approx(2.5, abs=0.4)
    assert report.novelty.times[int(np.argmax(report.novelty.values))] > 3
    assert (report.frames, report.width, report.height) == (125, 80, 60)
    assert Report.from_json(report.to_json()) == report


def test_each_frame_is_decoded_once_for_all_that_looks(tmp_path, monkeypatch):
    clip = write(tmp_path, panned(50))
    runs = collections.Counter()
    real = Video.run

    def run(self):
        for picture in real(self):
            runs["pictures"] += 1
            yield picture

    monkeypatch.setattr(Video, "run", run)
    monkeypatch.setattr(Video, "frames", lambda *_, **__: pytest.fail("a second reading"))
    told(clip)
    assert runs["pictures"] == 50


def test_nothing_is_compiled_anew_for_the_next_clip(tmp_path):
    told(write(tmp_path, panned(40)))
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    told(write(tmp_path, panned(67, step=3)[:, :, ::-1].copy(), name="other.mp4"))
    assert not compiled


# ---------------------------------------------------------------- bad clips


def clips_of_every_kind(folder) -> dict:
    noise = np.stack([texture(k) for k in range(30)])
    return {
        "one frame": write(folder, noise[:1], name="one.mp4"),
        "shorter than a window": write(folder, panned(5), name="short.mp4"),
        "black": write(folder, np.zeros((50, 60, 80, 3), np.uint8), name="black.mp4"),
        "white": write(folder, np.full((50, 60, 80, 3), 255, np.uint8), name="white.mp4"),
        "one color": write(
            folder, np.full((50, 60, 80, 3), (200, 30, 60), np.uint8), name="red.mp4"
        ),
        "1 fps": write(folder, noise[:6], rate=1, name="slow.mp4"),
        "120 fps": write(folder, panned(120, step=1), rate=120, name="fast.mp4"),
        "vertical": write(folder, panned(40).transpose(0, 2, 1, 3).copy(), name="vertical.mp4"),
        "a strip": write(folder, panned(40)[:, :8].copy(), name="strip.mp4"),
        "tiny": write(folder, panned(10)[:, :6, :6].copy(), name="tiny.mp4"),
        "every frame another": write(folder, noise, name="flicker.mp4"),
    }


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory):
    return clips_of_every_kind(tmp_path_factory.mktemp("kinds"))


KINDS = {
    "one frame": {"frozen"},
    "shorter than a window": set(),
    "black": {"black"},
    "white": {"white"},
    "one color": {"one color"},
    "1 fps": set(),
    "120 fps": set(),
    "vertical": set(),
    "a strip": set(),
    "tiny": None,
    "every frame another": set(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_of_any_kind_has_a_report(kind, every_kind):
    report = told(every_kind[kind])
    if KINDS[kind] is not None:
        assert {t.label for t in report.picture} == KINDS[kind]
    assert report.shots[0].start == 0
    assert report.actions, "at least one window"
    for stretches in (report.actions, report.tags, report.camera, report.picture, report.sound):
        assert all(0 <= t.start <= t.end <= report.seconds + 1e-6 for t in stretches)
        assert all(0 <= t.confidence <= 1 for t in stretches)
    if kind in ("black", "white", "one color"):
        assert {t.label for t in report.actions} == {"unsure"}
        assert report.picture[0].start == 0
        assert report.picture[0].end == pytest.approx(report.seconds)
    if kind == "120 fps":
        assert report.camera[0].label == "pans right"
    if kind == "vertical":
        assert report.camera[0].label == "tilts down"
    assert np.isfinite(report.novelty.values).all()
    lines = write_out(report).splitlines()
    assert max(map(len, lines)) <= 80 or lines[0] == str(report.path)
    assert Report.from_json(report.to_json()) == report


def test_a_file_that_is_no_video_is_one_sentence_before_any_network_is_loaded(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(weights, "load", lambda *_: pytest.fail("loaded"))
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    for path, says in ((sound, "sound only"), (tmp_path / "none.mp4", "no such file")):
        with pytest.raises(InputError, match=says):
            inference.understand(path)


def test_weights_of_another_file_or_damaged_are_a_sentence_each(tmp_path, monkeypatch):
    """A corrupt file, and one whose hash is not the table's; what is left is told."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    from safetensors import numpy as safetensors

    folder = weights.status("i3d").path.parent
    folder.mkdir(parents=True)
    (folder / "i3d.safetensors").write_bytes(b"{")
    other = safetensors.save({"a": np.zeros(3, np.float32)}, {"name": "silero"})
    (folder / "silero.safetensors").write_bytes(other)
    report = told(footage.path("nasa"), networks_here=networks(SIZE, names=tuple(SERVES)))
    assert len(report.warnings) == 3
    assert sum("damaged" in w and "weights get i3d" in w for w in report.warnings) == 1
    assert sum("version" in w and "weights get silero" in w for w in report.warnings) == 1
    (get,) = (w for w in report.warnings if "gets what tells it" in w)
    assert "`vidparticles weights get efficientnet-lite0 nanodet`" in get
    assert report.actions == report.tags == ()
    assert [t.label for t in report.sound] == ["sound"]
    assert [s.begins for s in report.shots] == ["", "dissolve", "cut"]
    assert report.novelty.values  # of small pictures


# ---------------------------------------------------------------- the page


def made_page(folder):
    frames = np.concatenate([panned(30), [texture(5) + 120] * 30])
    tone = 0.3 * np.sin(np.arange(40000) / 8).astype(np.float32)[:, None]
    clip = write(folder, frames, audio=Sound.of(tone, rate=16000), name="a & <b>.mp4")
    report = told(clip)
    write_page(report, folder / "page.html")
    return report, folder / "page.html"


def test_the_page_holds_the_clip_and_names_are_escaped(tmp_path):
    report, page = made_page(tmp_path)
    text = page.read_text()
    assert "<title>a &amp; &lt;b&gt;.mp4" in text
    assert "data:video/mp4;base64," in text
    assert text.count('"picture":') == len(report.shots) == 2
    assert "http" not in text.replace("http://www.w3.org", "")
    with pytest.raises(InputError, match=r"page\.html .*--overwrite"):
        write_page(report, page)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_opens_without_errors_and_needs_no_scrolling(tmp_path, width):
    _, page = made_page(tmp_path)
    seen = browser.look(page, width=width)
    assert not seen.console
    player, *pictures = seen.media
    assert (player["tag"], player["width"], player["height"]) == ("video", 80, 60)
    assert [p["tag"] for p in pictures] == ["img", "img"]
    assert all(p["width"] == 80 for p in pictures)
    assert seen.wide <= max(width, 500)  # Chromium's own least width of a window


@pytest.mark.slow
def test_a_click_in_a_timeline_goes_to_that_moment(tmp_path):
    """In a real browser: the second shot's button, and the middle of a track."""
    _, page = made_page(tmp_path)
    script = """<script>addEventListener("load", async () => {
      const clip = document.getElementById("clip");
      while (!clip.readyState) await new Promise((f) => setTimeout(f, 20));
      document.querySelectorAll("#shots button")[1].click();
      console.log("SHOT", clip.currentTime);
      const track = document.querySelector(".track"), place = track.getBoundingClientRect();
      track.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1,
        clientX: place.left + place.width / 4, clientY: place.top + 3 }));
      console.log("TRACK", clip.currentTime);
    });</script></body>"""
    page.write_text(page.read_text().replace("</body>", script))
    lines = [line.split('"')[1].split() for line in browser.look(page).console]
    found = {words[0]: float(words[1]) for words in lines}
    assert found["SHOT"] == pytest.approx(1.2, abs=0.05)
    assert found["TRACK"] == pytest.approx(2.4 / 4, abs=0.05)


# ---------------------------------------------------------------- the command, real networks


@pytest.mark.slow
def test_the_command_on_a_real_clip(tmp_path, shared_data, capsys):
    """With whatever weights are here; objects are followed."""
    clip = shared_data / "clips" / "flipping_a_pancake.mkv"
    words = ["understand", str(clip), "--html", str(tmp_path / "a.html")]
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 0
    out = capsys.readouterr().out
    report = Report.from_json((tmp_path / "a.json").read_text())
    assert report.movements
    assert all(m.words.split()[0] in ("one", "two", "three", "four") for m in report.movements)
    assert "who moves" in out
    if report.actions:
        assert report.actions[0].likeliest[0][0] == "flipping pancake"
    assert (tmp_path / "a.html").stat().st_size > 100_000
