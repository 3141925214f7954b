"""Baselines: what they can and cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data import spec as source
from vidparticles.errors import InputError
from vidparticles.training import baselines


def clips(seed: int, count: int, *, masked: int = 0):
    """Class 1 moves twice as much as class 0; the colors say nothing."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count).astype(np.int32)
    still = rng.integers(60, 180, (count, 1, 16, 16, 3))
    move = rng.normal(size=(count, 6, 16, 16, 3)) * (6 + 6 * label)[:, None, None, None, None]
    video = np.clip(still + move, 0, 255).astype(np.uint8)
    label[count - masked :] = 1 - label[count - masked :]
    mask = np.arange(count) < count - masked
    return {"video": video, "label": label, "index": np.arange(count), "_mask": mask}


def test_motion_energy_tells_motion_and_skips_padding():
    got = baselines.motion_energy_score(
        [clips(0, 16), clips(1, 16)], [clips(2, 16, masked=4)], num_classes=2
    )
    assert got.count == 12
    assert got.accuracy == 1.0


def test_windows_of_a_clip_give_one_prediction():
    windows = clips(2, 16)
    # Four clips of each class, two windows each.
    order = np.argsort(windows["label"], kind="stable")
    few = np.concatenate([order[:4], order[-4:]])
    windows = {name: x[few] for name, x in windows.items()}
    windows["index"] = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    got = baselines.motion_energy_score([clips(0, 16), clips(1, 16)], [windows], num_classes=2)
    assert got.confusion.tolist() == [[2, 0], [0, 2]]


def test_motion_energy_is_blind_to_color_and_order():
    video = clips(3, 4)["video"]
    features = baselines.motion_energy(video)
    np.testing.assert_allclose(baselines.motion_energy(video[..., ::-1]), features, atol=1e-6)
    np.testing.assert_allclose(baselines.motion_energy(video[:, ::-1]), features, atol=1e-6)
    doubled = baselines.motion_energy(np.repeat(video, 2, axis=1))
    assert (doubled[:, 0] < features[:, 0]).all()


def test_majority_is_of_the_training_split():
    got = baselines.majority([2, 2, 0], [0, 0, 0, 2], num_classes=3)
    assert got.accuracy == 0.25


def test_data_of_a_config_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="siez"):
        source.DataSpec(kind="folder", siez=3)
    with pytest.raises(InputError, match=r"config.data.kind is 'foldr'. Did you mean 'folder'"):
        source.DataSpec(kind="foldr", dir="x").open()
    with pytest.raises(InputError, match=r"--config.data.dir=DIR"):
        source.DataSpec(kind="folder").open()


def test_manifest_splits_by_its_column(tmp_path):
    rows = [("a.mp4", "run", "f0"), ("b.mp4", "fall", "f1"), ("c.mp4", "run", "f2")]
    lines = ["\t".join(r) for r in [("file", "label", "split"), *rows]]
    (tmp_path / "MANIFEST.tsv").write_text("\n".join(lines) + "\n")
    dataset = source.from_manifest(tmp_path, {"train": ("f0", "f1"), "test": ("f2",)})
    assert tuple(dataset.classes) == ("fall", "run")
    assert [(c.path.name, c.label) for c in dataset.splits["train"]] == [("a.mp4", 1), ("b.mp4", 0)]
    assert source.labels(dataset, "test") == [1]
    with pytest.raises(InputError, match=r"train names 'f9', which no row .* column split"):
        source.from_manifest(tmp_path, {"train": ("f9",)})
    (tmp_path / "MANIFEST.tsv").write_text("file\tsplit\na.mp4\tf0\n")
    with pytest.raises(InputError, match="no column 'label'"):
        source.from_manifest(tmp_path, {})
    with pytest.raises(InputError, match=r"MANIFEST.tsv does not exist"):
        source.from_manifest(tmp_path / "absent", {})


def test_fight_surv_folds_do_not_share_a_source(shared_data):
    splits = {"train": ("fold0", "fold1"), "test": ("fold2",)}
    dataset = source.from_manifest(shared_data / "fight-surv", splits)
    assert [len(dataset.splits[s]) for s in ("train", "test")] == [121, 60]
    assert all(c.path.is_file() for clips in dataset.splits.values() for c in clips)
