"""Every file of experiments/configs trains one step of its own model."""

from __future__ import annotations

import pathlib
import runpy
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh

from experiments.configs import pv5
from experiments.train import train
from vidparticles.data import embedded, tfds_builder
from vidparticles.errors import InputError
from vidparticles.training import sharding

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "experiments" / "configs"
FILES = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem not in ("__init__", "common"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    counts = {"train": 2, "val": 1, "test": 1}
    return embedded.make(tmp_path_factory.mktemp("embedded"), clips_per_class=counts)


def small_fight_surv(shared: pathlib.Path, folder: pathlib.Path) -> None:
    """Four clips a fold: the test is of the config, not of the decoder."""
    source = shared / "fight-surv"
    header, *rows = (source / "MANIFEST.tsv").read_text().splitlines()
    folds = [[row for row in rows if f"\tfold{i}\t" in row] for i in range(3)]
    chosen = [row for fold in folds for row in (*fold[:2], *fold[-2:])]
    for name in (row.split("\t")[0] for row in chosen):
        (folder / "fight-surv" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "fight-surv" / name).symlink_to(source / name)
    (folder / "fight-surv" / "MANIFEST.tsv").write_text("\n".join([header, *chosen]) + "\n")


def one_device() -> Mesh:
    return Mesh(np.array(jax.devices()[:1]), ("data",), axis_types=(AxisType.Auto,))


@pytest.mark.parametrize("file", FILES)
def test_a_config_trains_one_step(
    file: str,
    clips: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if file == "fight_surv":
        small_fight_surv(request.getfixturevalue("shared_data"), tmp_path)
        monkeypatch.setenv("VIDPARTICLES_DATA", str(tmp_path))
    config: Any = runpy.run_path(str(FOLDER / f"{file}.py"))["get_config"]()
    # On one device: what eight add to compiling is of the tests of `train.py`.
    monkeypatch.setattr(sharding, "data_mesh", one_device)
    config.steps, config.batch_size = 1, 2
    if config.model.name == "frame_particles":
        # One size, so that configs alike are one program. Its motion laws take most of the
        # compiling: test_frame_particles trains them, and the main command.
        config.data.size = 24
        config.model.options.motion_clips = 0
    if file in ("embedded", "folder"):
        config.data.dir = str(clips)
    if file == "embedded":
        config.data.clips = {"train": 2, "val": 1, "test": 1}
    if file == "clip":
        config.data.file = str(next(clips.glob("test/orbit/*.mp4")))
        config.data.frames = 4
    if file == "moving":
        config.data.dir = str(tmp_path / "pool")
        config.data.composites.update({"clips": 2, "frames": 2, "width": 32})
        config.data.composites.options = {"frames": 3, "height": 32, "width": 48}
        small = {"channels": 4, "matching": 4, "radius": 1, "lag": 1, "hidden": 4, "appearance": 2}
        config.model.options.network.update(small)
    if file == "tfds":
        tfds_builder.video_folder(clips, data_dir=tmp_path / "tfds").download_and_prepare()
        config.data.dir, config.data.name = str(tmp_path / "tfds"), "video_folder"
    if file == "pv5":
        config.data.pv5.val = 2
    final = train(config.lock(), tmp_path / "run")
    assert final["step"] == 1
    assert np.isfinite(final["train/loss"])
    for split in ("val", "test"):
        if f"{split}/accuracy" in final:
            low, high = final[f"{split}/low"] - 1e-9, final[f"{split}/high"] + 1e-9
            assert low <= final[f"{split}/accuracy"] <= high


def test_rows_of_pv5_are_configs() -> None:
    config = pv5.get_config("t2pad,lru_next")
    assert (config.model.name, config.model.options.prediction_weight) == ("lru", 30.0)
    config.steps = 30
    assert config.data.pv5.steps == 30  # stages are parts of the steps of the run
    assert tuple(config.data.pv5.draw.idle) == (0, 40, 120)
    with pytest.raises(InputError, match=r"there is no 'lrru'\. Did you mean 'lru'"):
        pv5.get_config("t2,lrru")
    with pytest.raises(InputError, match="expected TASK,MODEL as t2,object_particles"):
        pv5.get_config("object_particles")
