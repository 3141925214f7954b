"""Masks of a clip: at its resolution, with the numbers of objects; and what is said of mistakes."""

from __future__ import annotations

import json
import pathlib
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from vidparticles import cli
from vidparticles.flow.camera import Similarity
from vidparticles.inference import masks as masks_module
from vidparticles.inference import objects as module
from vidparticles.inference.mask_files import mask_folder
from vidparticles.inference.masks import WITHOUT_PERSONS, masked
from vidparticles.inference.objects import Followed
from vidparticles.inference.run_lengths import pixels
from vidparticles.models.published import nanodet
from vidparticles.tracking.objects.masks import MaskConfig
from vidparticles.tracking.objects.step import ObjectReport
from vidparticles.tracking.objects.tracker import rest
from vidparticles.video import write_video

HEIGHT, WIDTH, COUNT = 90, 480, 6
HIDDEN = 3  # the frame in which the second is out of sight
SIDE = 34


def truth(k: int) -> np.ndarray:
    """Where the discs are in a frame [2, H, W]."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    middles = (60 + 8 * k, 45), (300 - 8 * k, 40)
    return np.stack([(x - a) ** 2 + (y - b) ** 2 < (SIDE / 2) ** 2 for a, b in middles])


def frame(k: int) -> np.ndarray:
    shades = np.random.default_rng(0).normal(0, 8, (HEIGHT // 6, WIDTH // 6, 1))
    ground = np.array([60, 120, 90]) + shades.repeat(6, 0).repeat(6, 1)
    one, two = truth(k)[..., None]
    ground = np.where(two & (k != HIDDEN), [40, 40, 190], np.where(one, [220, 130, 40], ground))
    return np.clip(ground, 0, 255).astype(np.uint8)


def state_of(k: int) -> tuple[SimpleNamespace, ObjectReport]:
    """What a tracker with three slots says; the first is free, the numbers 4 and 7."""
    boxes = [np.zeros(4)]
    for mask in truth(k):
        rows, columns = np.nonzero(mask)
        boxes.append(np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]))
    alive, unseen = np.array([False, True, True]), np.array([0, 0, 0.1 * (k == HIDDEN)])
    state = SimpleNamespace(
        particles=SimpleNamespace(alive=alive),
        identity=np.array([-1, 4, 7]),
        slots=SimpleNamespace(used=alive),
        camera=rest(),
    )
    kind = np.array([0, 0, nanodet.KINDS.index("sports ball")])
    return state, ObjectReport(
        np.stack(boxes) / HEIGHT, kind, np.ones(3), unseen, np.ones(3), np.zeros((3, 2))
    )


def known(params, frames):
    """Stands for the tracker, which is told the frames."""
    del params
    for index, time, picture, cut in frames:
        yield Followed(index, time, picture, cut, *state_of(index))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(masks_module, "MaskConfig", lambda: MaskConfig(size=48, radius=2))


@pytest.fixture
def footage(tmp_path, monkeypatch, small):
    """A clip that is followed without a detector, and without the network of persons."""
    path = tmp_path / "clip.mp4"
    write_video(path, np.stack([frame(k) for k in range(COUNT)]), rate=10, crf=8)
    monkeypatch.setattr(module.published, "load", lambda *_: {})
    monkeypatch.setattr(module.nanodet, "parameters", lambda _: ())
    monkeypatch.setattr(module, "followed", known)
    monkeypatch.setattr(module, "person_network", lambda: None)
    return path


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_masks_go_with_the_objects(small):
    stream = ((k, k / 10, frame(k), False) for k in range(COUNT))
    for k, now in enumerate(masked(known((), stream))):
        assert now.mask.dtype == np.float32
        assert now.mask.sum(0).max() <= 1 + 1e-5
        assert now.number.tolist() == ([4] if k == HIDDEN else [4, 7])
        for mask, true in zip(now.mask, truth(k), strict=False):
            assert iou(mask > 0.5, true) > 0.9


def test_boxes_go_back_as_the_camera_came():
    turn = jnp.array([0.9, 0.3])
    ways = [Similarity(turn, jnp.array([0.2, -0.1])), Similarity(turn, jnp.array([0.0, 0.4]))]
    box = jax.random.uniform(jax.random.key(0), (3, 4))
    back = masks_module.moved_back(box, ways).reshape(-1, 2)
    np.testing.assert_allclose(ways[0](ways[1](back)), box.reshape(-1, 2), atol=1e-5)


def test_the_network_is_asked_for_persons_alone(small):
    asked = []

    def person(picture):
        asked.append(np.asarray(picture))
        y, x = np.mgrid[:256, :256] / 128 - 1
        return jnp.asarray((x**2 + y**2 < 0.5) * 0.98 + 0.01, jnp.float32)

    stream = ((k, k / 10, frame(k), False) for k in range(2))
    told = [now.mask for now in masked(known((), stream), person=person)]
    assert len(asked) == 2
    # The middle of what it is given is the person.
    assert abs(asked[0][128, 128] * 255 - np.array([220, 130, 40])).max() < 3
    # A square is 1.16 sides of the box, so this disc has a radius of .41 sides.
    assert told[0][0].sum() < 0.85 * truth(0)[0].sum()


def test_a_png_a_frame_and_run_lengths(footage, tmp_path, capsys):
    out = tmp_path / "masks"
    assert cli.main(["objects", str(footage), "--masks", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert WITHOUT_PERSONS in said.err
    person, ball = json.loads(said.out)["objects"]
    assert sorted(path.name for path in out.iterdir()) == [f"{k:06d}.png" for k in range(COUNT)]
    for k in range(COUNT):
        with Image.open(out / f"{k:06d}.png") as image:
            assert image.mode == "P"
            labels = np.asarray(image)
        assert labels.shape == (HEIGHT, WIDTH), "of the clip, not of what the detector is given"
        for one, true in zip((person, ball), truth(k), strict=True):
            mask = one["masks"][one["frames"].index(k)]
            if one is ball and k == HIDDEN:
                assert mask is None
                assert not (labels == one["number"] + 1).any()
                continue
            assert iou(pixels(mask), true) > 0.88
            assert (pixels(mask) == (labels == one["number"] + 1)).all()


def test_of_some_kinds_and_frames(footage, tmp_path, capsys):
    out = tmp_path / "masks"
    words = ["--classes", "ball", "--every", "2"]
    assert cli.main(["objects", str(footage), "--masks", str(out), *words]) == 0
    assert "selfie" not in capsys.readouterr().err
    assert sorted(path.stem for path in out.iterdir()) == ["000000", "000002", "000004"]
    labels = np.asarray(Image.open(out / "000000.png"))
    assert set(np.unique(labels)) == {0, 1}
    assert iou(labels == 1, truth(0)[1]) > 0.88


def test_without_being_asked_for_there_are_none(footage, capsys):
    assert cli.main(["objects", str(footage), "--json"]) == 0
    assert all(one["masks"] is None for one in json.loads(capsys.readouterr().out)["objects"])


def test_numbers_above_255_take_16_bits(tmp_path):
    from vidparticles.inference.mask_files import write_masks
    from vidparticles.inference.objects import FoundObject, Objects
    from vidparticles.inference.run_lengths import of_labels

    mask = of_labels(truth(0)[0].astype(int))[1]
    one = FoundObject(
        299, "person", 0.0, 0.0, (0,), (0.0,), ((0, 0, 1, 1.0),), (False,), (1.0,), (mask,)
    )
    found = Objects(pathlib.Path("clip.mp4"), 0.1, 1, WIDTH, HEIGHT, (one,), ())
    write_masks(found, tmp_path)
    labels = np.asarray(Image.open(tmp_path / "000000.png"))
    assert (labels == 300 * truth(0)[0]).all()


def test_no_files_are_touched_that_are_others(footage, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "000000.png").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for folder, says in ((full, "holds files already"), (tmp_path / "file", "is a file")):
        assert cli.main(["objects", str(footage), "--masks", str(folder)]) == 2
        assert says in capsys.readouterr().err
    assert cli.main(["objects", str(footage), "--masks", str(tmp_path / "file" / "in")]) == 2
    assert "could not be written" in capsys.readouterr().err
    assert (full / "000000.png").read_text() == (tmp_path / "file").read_text() == "mine"


def test_nothing_is_left_of_what_fails(footage, tmp_path, capsys):
    out = tmp_path / "masks"
    assert cli.main(["objects", str(footage), "--masks", str(out), "--classes", "persn"]) == 2
    assert "Did you mean 'person'?" in capsys.readouterr().err
    assert not out.exists()
    out.mkdir()

    def stopped():
        with mask_folder(out) as folder:
            (folder / "000000.png").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(out.iterdir()) == []
