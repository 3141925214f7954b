"""The embedded set: made alike twice, seen in motion only, real files with sound."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from vidparticles.data import embedded, folder
from vidparticles.data.motions import CLASSES, trajectory
from vidparticles.errors import InputError
from vidparticles.video import open_video

TIMES = np.arange(embedded.FRAMES) / embedded.RATE


@pytest.fixture(scope="module")
def paths() -> tuple[np.ndarray, np.ndarray]:
    """Trajectories [n, 48, 2, 2] of 150 clips a class, and their labels."""
    found, labels = [], []
    for label, name in enumerate(CLASSES):
        for i in range(150):
            rng = np.random.default_rng([label, i])
            found.append(trajectory(rng, name, times=TIMES, contact=0.14, margin=0.12))
            labels.append(label)
    return np.array(found), np.array(labels)


def _accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.ensemble import ExtraTreesClassifier

    train = np.arange(len(labels)) % 2 == 0
    model = ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0)
    return model.fit(features[train], labels[train]).score(features[~train], labels[~train])


def test_motion_tells_the_class_and_positions_do_not(paths: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = paths
    apart = x[:, :, 0] - x[:, :, 1]
    distance = np.linalg.norm(apart, axis=-1)
    turn = np.angle(np.exp(1j * np.diff(np.arctan2(apart[..., 1], apart[..., 0]), axis=1)))
    # How far is one from where the other was a moment ago, for the best moment.
    behind = np.min(
        [
            np.linalg.norm(x[:, k:, a] - x[:, :-k, 1 - a], axis=-1).mean(1)
            for k in range(8, 34)
            for a in (0, 1)
        ],
        axis=0,
    )
    moving = np.stack(
        [
            np.abs(turn.sum(1)),
            np.abs(turn).max(1),
            distance.min(1),
            distance[:, 0] - distance.min(1),
            distance[:, -1] - distance.min(1),
            behind,
        ],
        axis=1,
    )
    assert _accuracy(moving, labels) > 0.95
    # All that one frame can show of where things are; chance is 0.17.
    for frame in (0, 24, 47):
        center = x[:, frame].mean(1) - 0.5
        still = np.concatenate([distance[:, frame, None], center, x[:, frame].reshape(-1, 4)], 1)
        assert _accuracy(still, labels) < 0.45


def test_classes_look_alike_in_one_frame() -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def frames(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        pixels, labels = [], []
        for label, name in enumerate(CLASSES):
            for i in range(count):
                clip = embedded.render(embedded.clip_rng(0, split, name, i), name, split=split)
                small = clip[24].reshape(32, 4, 32, 4, 3).mean((1, 3))
                pixels.append(small.ravel() / 255)
                labels.append(label)
        return np.array(pixels), np.array(labels)

    model = make_pipeline(PCA(40, random_state=0), LogisticRegression(max_iter=300))
    accuracy = model.fit(*frames("train", 25)).score(*frames("test", 20))
    assert accuracy < 1 / 6 + 3 * np.sqrt(1 / 6 * 5 / 6 / 120)


def test_laws_of_motion(paths: tuple[np.ndarray, np.ndarray]) -> None:
    x, labels = paths
    assert x.min() >= 0.12
    assert x.max() <= 0.88
    apart = np.linalg.norm(x[:, :, 0] - x[:, :, 1], axis=-1)

    def of(name: str) -> np.ndarray:
        return labels == CLASSES.index(name)

    assert apart[of("pass")].min(1).max() < 0.14  # they overlap
    assert apart[of("avoid")].min() > 0.14  # they never touch
    velocity = np.diff(x, axis=1) * embedded.RATE
    # Crossing at constant velocity; momentum (with the masses' ratio unknown) is conserved
    # by all pairs, so their accelerations are always opposite.
    assert np.abs(np.diff(velocity[of("pass")], axis=1)).max() < 1e-9
    for name in ("avoid", "bounce", "orbit", "stick"):
        a = np.diff(velocity[of(name)], axis=1)
        cross = a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]
        assert np.abs(cross).max() < 1e-9
        assert (a[..., 0, :] * a[..., 1, :]).sum(-1).max() < 1e-9
    # Elastic: they part as fast as they met.
    bounce = np.abs(np.diff(apart[of("bounce")], axis=1))
    assert np.median(np.abs(bounce[:, 0] / bounce[:, -1] - 1)) < 0.15


def test_same_seed_same_clip() -> None:
    a, b = (embedded.clip(embedded.clip_rng(1, "train", "stick", 2), "stick") for _ in range(2))
    assert np.array_equal(a[0], b[0])
    assert np.array_equal(a[1], b[1])
    other = embedded.render(embedded.clip_rng(2, "train", "stick", 2), "stick")
    assert not np.array_equal(a[0], other)


def test_splits_share_no_digit() -> None:
    seen = [{image.tobytes() for image in embedded._digits(s)} for s in embedded.SPLITS]
    assert all(len(s) > 300 for s in seen)
    assert len(seen[0] | seen[1] | seen[2]) == sum(len(s) for s in seen)


def test_files_are_ordinary_videos(clips_dir: pathlib.Path) -> None:
    data = folder.scan(clips_dir)
    assert data.classes == CLASSES
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 18, "val": 6, "test": 12}
    path = clips_dir / "test" / "orbit" / "orbit_0001.mp4"
    with open_video(path) as video:
        assert (video.info.codec, video.info.width, video.info.height) == ("h264", 128, 128)
        assert len(video) == 48
        assert video.info.rate == 24
        sound = video.audio()
        frames = video.frames(range(48))
    assert sound is not None
    assert abs(float(sound.duration) - 2) < 0.1
    assert np.abs(sound.samples).max() > 0.05
    drawn = embedded.render(embedded.clip_rng(5, "test", "orbit", 1), "orbit", split="test")
    assert np.mean((frames.astype(float) - drawn) ** 2) < 255**2 / 10**3  # 30 dB


def test_make_goes_on_and_refuses_another_seed(tmp_path: pathlib.Path) -> None:
    few = embedded.make(tmp_path / "a", clips_per_class={"test": 1})
    first = few / "test" / "pass" / "pass_0000.mp4"
    content, when = first.read_bytes(), first.stat().st_mtime_ns
    embedded.make(few, clips_per_class={"test": 2})
    assert first.stat().st_mtime_ns == when
    assert (few / "test" / "pass" / "pass_0001.mp4").exists()
    first.unlink()
    embedded.make(few, clips_per_class={"test": 1})
    assert first.read_bytes() == content
    with pytest.raises(InputError, match="seed"):
        embedded.make(few, seed=1, clips_per_class={"test": 1})
    with pytest.raises(InputError, match="Did you mean 'train'"):
        embedded.make(tmp_path / "b", clips_per_class={"trian": 1})


def test_story_tells_what_it_shows(tmp_path: pathlib.Path) -> None:
    acts = embedded.story(tmp_path / "s.mp4", seed=3, acts=["pass", "orbit"])
    assert acts == [embedded.Act("pass", 0.0, 2.0), embedded.Act("orbit", 2.0, 4.0)]
    with open_video(tmp_path / "s.mp4") as video:
        assert len(video) == 96
        assert video.info.audio is not None
    drawn = embedded.story(tmp_path / "t.mp4", seed=3, acts=3)
    assert len({act.label for act in drawn}) == 3
    with pytest.raises(InputError, match="Did you mean 'orbit'"):
        embedded.story(tmp_path / "u.mp4", acts=["orbits"])
