"""Changes of shot: made films of known truth, what must not matter, and one real film."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from vidparticles import shots
from vidparticles.shots import SIZE, Transition
from vidparticles.shots.survival import survival
from vidparticles.video import open_video

HEIGHT, WIDTH = SIZE


def picture(seed: int, width: int = WIDTH) -> np.ndarray:
    """A smooth random texture, float [HEIGHT, width, 3] in [0, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((HEIGHT // 4 + 1, width // 4 + 1, 3))
    y, x = np.arange(HEIGHT) / 4, np.arange(width) / 4
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = (y - iy)[:, None, None], (x - ix)[None, :, None]
    top = coarse[iy][:, ix] * (1 - fx) + coarse[iy][:, ix + 1] * fx
    low = coarse[iy + 1][:, ix] * (1 - fx) + coarse[iy + 1][:, ix + 1] * fx
    return top * (1 - fy) + low * fy


A, B = picture(0), picture(1)
BLACK, WHITE = np.zeros_like(A), np.ones_like(A)


def hold(frame: np.ndarray, count: int) -> list[np.ndarray]:
    return [frame] * count


def ramp(before: np.ndarray, after: np.ndarray, count: int) -> list[np.ndarray]:
    """The frames between two, blended."""
    return [before + (after - before) * k / (count + 1) for k in range(1, count + 1)]


def pan(speeds: list[float]) -> list[np.ndarray]:
    """A window over a wide picture, moved by so many pixels each frame, blurred by half."""
    wide = picture(2, 400)
    places = np.concatenate([[0.0], np.cumsum(speeds)])
    frames = []
    for place, speed in zip(places, [*speeds, 0], strict=True):
        seen = [round(place + speed * s) for s in np.linspace(0, 0.5, 5)]
        frames.append(np.mean([wide[:, x : x + WIDTH] for x in seen], axis=0))
    return frames


def jump(start: int, count: int = 1) -> list[np.ndarray]:
    """Something goes half a pixel a frame through a picture that stands."""
    frames = []
    for k in range(start, start + count):
        frame = A.copy()
        left = 2 + k / 2
        whole, part = int(left), left % 1
        body = np.pad(0.8 * B[:, :16], ((0, 0), (0, 1), (0, 0)))
        body = (1 - part) * body + part * np.roll(body, 1, axis=1)
        cover = np.pad(np.ones((1, 16, 1)), ((0, 0), (0, 1), (0, 0)))
        cover = (1 - part) * cover + part * np.roll(cover, 1, axis=1)
        seen = frame[8:40, whole : whole + 17]
        frame[8:40, whole : whole + 17] = (1 - cover) * seen + body[8:40]
        frames.append(frame)
    return frames


def held(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Each third frame, three times."""
    return [frames[k - k % 3] for k in range(len(frames))]


def zoom(frame: np.ndarray, scale: float) -> np.ndarray:
    """The middle of a frame, magnified."""
    y, x = (
        ((np.arange(size) - size / 2) / scale + size / 2).astype(int) for size in frame.shape[:2]
    )
    return frame[y][:, x]


def found(frames: list[np.ndarray], *, rate: float = 25) -> list[Transition]:
    film = (np.round(255 * np.clip(frame, 0, 1)).astype(np.uint8) for frame in frames)
    return shots.transitions(shots.measure(film), np.arange(len(frames)) / rate)


# ---------------------------------------------------------------- films


@pytest.mark.parametrize(
    ("film", "kinds"),
    {
        "one frame": ([A], ""),
        "still": (hold(A, 40), ""),
        "black": (hold(BLACK, 40), ""),
        "cut": (hold(A, 20) + hold(B, 20), "cut"),
        "cut at once": ([A, *hold(B, 20)], "cut"),
        "cut to black and on": (hold(A, 20) + hold(BLACK, 20) + hold(B, 20), "cut cut"),
        "cut, a few black frames": (hold(A, 20) + hold(BLACK, 3) + hold(B, 20), "cut"),
        "flash of one": ([*hold(A, 20), WHITE, *hold(A, 20)], ""),
        "flash of three": (hold(A, 20) + hold(WHITE, 3) + hold(A, 20), ""),
        "flash that fades": (hold(A, 20) + ramp(WHITE, A, 4) + hold(A, 20), ""),
        "lights out": (hold(A, 20) + hold(0.3 * A, 20), ""),
        "one moves on": (jump(0, 20) + jump(20, 20), ""),
        "one who jumps": (jump(0, 20) + jump(60, 20), "cut"),
        "one who jumps, held on threes": (held(jump(0, 21) + jump(60, 21)), "cut"),
        "stands still, then is further on": (jump(0, 20) + hold(jump(20)[0], 8) + jump(29, 20), ""),
        "a frame is missing": (jump(0, 20) + jump(21, 20), ""),
        "reframed": (hold(A, 20) + hold(zoom(A, 1.25), 20), "cut"),
        "slow pan": (pan([1.5] * 40), ""),
        "whip pan": (pan([0] * 12 + [3, 10, 18, 22, 24, 22, 18, 10, 3] + [0] * 12), ""),
        "dissolve": (hold(A, 30) + ramp(A, B, 10) + hold(B, 30), "dissolve"),
        "long dissolve": (hold(A, 30) + ramp(A, B, 28) + hold(B, 30), "dissolve"),
        "fade through black": (
            hold(A, 20) + ramp(A, BLACK, 12) + hold(BLACK, 3) + ramp(BLACK, B, 12) + hold(B, 20),
            "fade",
        ),
        "fade out, black, fade in": (
            hold(A, 20) + ramp(A, BLACK, 12) + hold(BLACK, 20) + ramp(BLACK, B, 12) + hold(B, 20),
            "fade fade",
        ),
        "fade in at the start": (ramp(BLACK, A, 12) + hold(A, 20), ""),
        "cut to white and on": (hold(A, 20) + hold(WHITE, 20) + hold(B, 20), "cut cut"),
        "cut, a few white frames": (hold(A, 20) + hold(WHITE, 3) + hold(B, 20), "cut"),
        "fade through white": (
            hold(A, 20) + ramp(A, WHITE, 12) + hold(WHITE, 3) + ramp(WHITE, B, 12) + hold(B, 20),
            "fade",
        ),
        "fade not quite to white": (
            hold(A, 20) + ramp(A, WHITE, 20) + ramp(WHITE, B, 20) + hold(B, 20),
            "fade",
        ),
        "fade out, white, fade in": (
            hold(A, 20) + ramp(A, WHITE, 12) + hold(WHITE, 20) + ramp(WHITE, B, 12) + hold(B, 20),
            "fade fade",
        ),
        "flash that goes slowly": ([*hold(A, 20), WHITE, *ramp(WHITE, A, 12), *hold(A, 20)], ""),
        "flash into another": ([*hold(A, 20), WHITE, *ramp(WHITE, B, 12), *hold(B, 20)], "fade"),
        "flash at the start": ([WHITE, *hold(A, 20)], ""),
        "strobe at the start": ([3.5 * A + 0.15, *hold(A, 20)], ""),
        "flash at the end": ([*hold(A, 20), WHITE, WHITE], ""),
        "black at the start": (hold(BLACK, 3) + hold(A, 20), ""),
    }.values(),
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_films(film, kinds):
    assert [change.kind for change in found(film)] == kinds.split()


def test_places():
    """A cut to the frame; the others within the frames that they take."""
    film = hold(A, 20) + hold(B, 30) + ramp(B, A, 11) + hold(A, 30)
    cut, dissolve = found(film)
    assert (cut.first, cut.last) == (20, 20)
    assert 50 <= dissolve.first <= 54
    assert 56 <= dissolve.last <= 60


def test_black_counts_as_a_shot_by_the_clock_not_by_frames():
    film = hold(A, 20) + hold(BLACK, 8) + hold(B, 20)
    assert len(found(film, rate=25)) == 1
    assert len(found(film, rate=10)) == 2


def test_color_alone_makes_a_cut():
    gray = np.full_like(A, 0.5)
    assert [t.first for t in found(hold(gray, 10) + hold(gray * (1.2, 0.9, 0.6), 10))] == [10]
    assert not found(hold(gray, 10) + hold(1.2 * gray, 10))


def test_long_films_cost_no_memory_and_are_measured_alike():
    """Across many blocks, what is measured of a frame does not depend on where it stands."""

    def film(times: int):
        frames = hold(A, 30) + ramp(A, B, 10) + hold(B, 33) + [WHITE] + hold(B, 26)
        for _ in range(times):
            yield from ((255 * frame).astype(np.uint8) for frame in frames)

    def peak(times: int) -> int:
        tracemalloc.start()
        shots.measure(film(times))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    shots.measure(film(1))
    assert peak(12) < 1.1 * peak(4)
    many = shots.transitions(shots.measure(film(5)), np.arange(500) / 25)
    assert [t.first for t in many if t.kind == "cut"] == [100, 200, 300, 400]
    dissolves = [t.first for t in many if t.kind == "dissolve"]
    assert dissolves == [dissolves[0] + 100 * k for k in range(5)]


def test_what_cannot_be_measured():
    with pytest.raises(ValueError, match="no frames"):
        shots.measure(iter([]))
    with pytest.raises(ValueError, match="expected"):
        shots.measure(iter([np.zeros((90, 160, 3), np.uint8)]))


# ---------------------------------------------------------------- survival


def share(before: np.ndarray, after: np.ndarray) -> float:
    return float(survival(before[None], after[None])[0][0])


def test_survival_does_not_depend_on_brightness():
    after = np.roll(A, 2, axis=1)
    assert share(A, 0.4 * after + 0.3) == pytest.approx(share(A, after), abs=0.02)
    assert share(A, B) == pytest.approx(share(A, 0.4 * B + 0.3), abs=0.1)
    assert share(A, B) < 0.2


def test_survival_is_the_share_that_is_left():
    half = A.copy()
    half[:, WIDTH // 2 :] = B[:, WIDTH // 2 :]
    assert share(A, half) == pytest.approx(0.5, abs=0.12)


def test_bytes_and_floats_are_alike():
    flat = np.full_like(A, 0.5)
    for pair in ((A, B), (A, np.roll(A, 3, axis=1)), (A, flat), (flat, flat * (1.2, 0.9, 0.6))):
        as_bytes = [np.round(255 * picture).astype(np.uint8) for picture in pair]
        assert share(*as_bytes) == pytest.approx(share(*pair), abs=0.05)


@pytest.mark.parametrize("way", [(0, 0), (5, 0), (-17, 3), (24, -8)])
def test_survival_follows_the_whole_picture(way):
    wide = np.pad(picture(3, 160), ((16, 16), (0, 0), (0, 0)), mode="reflect")
    x, y = 48, 16
    before = wide[y : y + HEIGHT, x : x + WIDTH]
    after = wide[y - way[1] : y - way[1] + HEIGHT, x - way[0] : x - way[0] + WIDTH]
    left, shift, _ = survival(before[None], after[None])
    assert left[0] > 0.9
    np.testing.assert_allclose(shift[0], way, atol=1)


# ---------------------------------------------------------------- footage


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("fade_white", [("fade", 40, 80)]),
        ("flash_in_frame_0", []),
        ("pan_60px_turning", []),
        ("jump_cuts", [("cut", 40, 40), ("cut", 80, 80)]),
        ("on_twos", []),
    ],
)
def test_awkward_files(shared_data, name, right):
    with open_video(shared_data / "faults" / f"{name}.mp4") as video:
        signals = shots.measure(frame for _, frame in video.every(size=SIZE))
        changes = shots.transitions(signals, video.times)
    assert [(change.kind, change.first, change.last) for change in changes] == right


def test_a_real_film(shared_data):
    from vidparticles.inference.cuts import cuts

    seen = cuts(shared_data / "scene-cuts" / "counter.mp4")
    assert [(shot.begins, shot.first) for shot in seen.shots] == [("", 0), ("cut", 10), ("cut", 20)]
