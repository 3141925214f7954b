"""experiments/train.py as users run it: every config, restarts, devices, processes, mistakes."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from experiments.configs import embedded, fight_surv, folder, tfds  # noqa: E402
from experiments.evaluate import evaluate  # noqa: E402
from experiments.train import train  # noqa: E402
from vidparticles.data import embedded as embedded_set  # noqa: E402
from vidparticles.errors import InputError  # noqa: E402
from vidparticles.training import checkpoint, writer  # noqa: E402

CLIPS = {"train": 4, "val": 1, "test": 1}
SMALL = {
    "batch_size": 8,
    "steps": 12,
    "log_every": 1,
    "eval_every": 6,
    "checkpoint_every": 3,
    "data.frames": 4,
    "data.size": 16,
}


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> pathlib.Path:
    """A small embedded set: 24 clips to train on, 6 each for val and test."""
    return embedded_set.make(tmp_path_factory.mktemp("embedded"), clips_per_class=CLIPS)


def small(config, **changes):
    """The config at the size of a test."""
    for key, value in {**SMALL, **changes}.items():
        node, name = config, key
        if "." in key:
            part, name = key.split(".")
            node = config[part]
        node[name] = value
    return config.lock()


def folder_config(clips, model="single_frame", **changes):
    return small(folder.get_config(model), **{"data.dir": str(clips), **changes})


def command(clips, workdir, *more: str, model: str = "single_frame") -> list[str]:
    """The command line of the same run."""
    flags = [f"--config.{key}={value}" for key, value in SMALL.items()]
    config = f"--config=experiments/configs/folder.py:{model}"
    where = [f"--config.data.dir={clips}", f"--workdir={workdir}"]
    return [sys.executable, "experiments/train.py", config, *flags, *where, *more]


def environment(devices: int = 1) -> dict[str, str]:
    return {**os.environ, "JAX_NUM_CPU_DEVICES": str(devices)}


def run(words, *, devices: int = 1) -> subprocess.CompletedProcess:
    return subprocess.run(
        words, cwd=ROOT, env=environment(devices), capture_output=True, text=True, timeout=120
    )


@functools.cache
def _whole(clips: pathlib.Path, workdir: pathlib.Path) -> pathlib.Path:
    done = run(command(clips, workdir))
    assert done.returncode == 0, done.stderr
    return workdir


@pytest.fixture
def whole(clips, tmp_path_factory) -> pathlib.Path:
    """The workdir of a run that nobody disturbed, on one device."""
    return _whole(clips, tmp_path_factory.getbasetemp() / "whole")


def assert_same_curve(a: pathlib.Path, b: pathlib.Path, *, atol: float) -> None:
    one, other = writer.read(a), writer.read(b)
    assert [sorted(line) for line in one] == [sorted(line) for line in other]
    for x, y in zip(one, other, strict=True):
        np.testing.assert_allclose([y[k] for k in sorted(x)], [x[k] for k in sorted(x)], atol=atol)


# ------------------------------------------------------------------ every config


@pytest.mark.parametrize("model", ["particles", "single_frame"])
def test_embedded_config_makes_its_clips_and_trains(tmp_path, model):
    config = small(
        embedded.get_config(model),
        steps=1,
        **{"data.dir": str(tmp_path / "set"), "data.clips": {"train": 2, "test": 1}},
    )
    final = train(config, tmp_path / "run")
    assert final["step"] == 1
    assert np.isfinite(final["train/loss"])
    assert final["test/low"] <= final["test/accuracy"] <= final["test/high"]
    assert "val/accuracy" not in final
    loaded = checkpoint.load_model(tmp_path / "run")
    assert (loaded.model_name, loaded.step, len(loaded.classes)) == (model, 1, 6)


def test_folder_config_trains(clips, tmp_path):
    final = train(folder_config(clips, "particles", steps=1), tmp_path)
    assert final["step"] == 1
    assert "val/accuracy" in final


def test_fight_surv_config_trains(shared_data, tmp_path):
    config = fight_surv.get_config("single_frame")
    config.data.dir = str(shared_data / "fight-surv")
    # Two clips a class: the test is of the config, not of the decoder.
    rows = (shared_data / "fight-surv" / "MANIFEST.tsv").read_text().splitlines()
    kept = [row.split("\t") for row in rows[1:]]
    chosen = [r for s in ("fold0", "fold2") for r in [r for r in kept if r[2] == s][:4]]
    (tmp_path / "data").mkdir()
    for row in chosen:
        place = tmp_path / "data" / row[0]
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(shared_data / "fight-surv" / row[0])
    chosen[1][2] = "fold1"
    text = "\n".join(["\t".join(row) for row in [rows[0].split("\t"), *chosen]])
    (tmp_path / "data" / "MANIFEST.tsv").write_text(text + "\n")
    config.data.dir = str(tmp_path / "data")
    final = train(small(config, steps=1), tmp_path / "run")
    assert np.isfinite(final["test/loss"])


# ------------------------------------------------------------------ restarts


def test_killed_and_started_again_gives_the_same_file(clips, whole, tmp_path):
    words = command(clips, tmp_path)
    kills = 0
    for upto in (4, 8):  # lines of metrics.jsonl seen before the kill
        child = subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
        while child.poll() is None and len(writer.read(tmp_path)) < upto:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
    assert kills == 2
    again = run(words)
    assert again.returncode == 0, again.stderr
    assert "going on from step" in again.stderr
    assert (tmp_path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    # Once more after the end: nothing to train, nothing written twice.
    assert run(words).returncode == 0
    assert (tmp_path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


def test_changed_keys_are_told_and_other_models_refused(clips, tmp_path, capsys):
    train(folder_config(clips, steps=1), tmp_path)
    train(folder_config(clips, steps=2), tmp_path)
    assert "config.steps was 1 until now and is 2 from here" in capsys.readouterr().err
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(InputError, match=r"checkpoints/2 is a checkpoint of another model: .* is "):
        train(folder_config(clips, "particles", steps=2), tmp_path)
    assert (tmp_path / "config.json").read_text() == before


# ------------------------------------------------------------------ devices and processes


def test_eight_devices_give_the_same_curve(clips, whole, tmp_path):
    done = run(command(clips, tmp_path), devices=8)
    assert done.returncode == 0, done.stderr
    assert_same_curve(whole, tmp_path, atol=1e-5)


def test_two_processes_give_the_same_curve(clips, whole, tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    more = [f"--coordinator=localhost:{port}", "--processes=2"]
    children = [
        subprocess.Popen(
            command(clips, tmp_path, *more, f"--process={i}"),
            cwd=ROOT,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    for child in children:
        _, said = child.communicate(timeout=120)
        assert child.returncode == 0, said
    assert_same_curve(whole, tmp_path, atol=1e-5)


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--config.stesp=3"], "config has no key 'stesp'. Did you mean 'steps'?"),
        (["--config.data.siez=3"], "config.data has no key 'siez'. Did you mean 'size'?"),
        (["--config.steps=abc"], "--config.steps=abc"),
        (["--workdri=x"], "Unknown command line flag 'workdri'. Did you mean: workdir"),
        (["--config=experiments/configs/absent.py"], "is no file; see experiments/configs/"),
        (["--config=experiments/configs/folder.py:particle"], "Did you mean 'particles'?"),
    ],
)
def test_a_mistake_is_one_sentence(clips, tmp_path, more, sentence):
    words = command(clips, tmp_path / "W")
    if more[0].startswith("--config="):
        words = [w for w in words if not w.startswith("--config=")]
    done = run([*words[:2], *more, *words[2:]] if "=exp" in more[0] else [*words, *more])
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("train.py: ")
    assert not (tmp_path / "W").exists()


def test_bad_data_and_batches_write_nothing(clips, tmp_path):
    workdir = tmp_path / "W"
    with pytest.raises(InputError, match="batch_size is 12; expected a positive multiple of the 8"):
        train(folder_config(clips, batch_size=12), workdir)
    with pytest.raises(InputError):
        train(folder_config(tmp_path / "absent"), workdir)
    config = folder.get_config("particles")
    config.model.options.widht = 3
    config = small(config, **{"data.dir": str(clips)})
    with pytest.raises(InputError, match="has no option 'widht'"):
        train(config, workdir)
    assert not workdir.exists()


def test_broken_numbers_name_the_step_and_the_checkpoint(clips, tmp_path):
    more = ["--config.optimizer.learning_rate=1e38", "--config.checkpoint_every=1"]
    done = run(command(clips, tmp_path, *more))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("train.py: Step ")
    saved = checkpoint.Checkpoints(tmp_path, read_only=True).latest()
    assert f"the last good checkpoint is {tmp_path}/checkpoints/{saved}" in sentence


# ------------------------------------------------------------------ evaluate.py


def test_evaluation_repeats_the_numbers_of_the_run(clips, whole, tmp_path):
    train(folder_config(clips, "particles", steps=1), tmp_path / "W2")
    scores = evaluate(whole, with_baselines=True, beside=[tmp_path / "W2"])
    names = list(scores)
    assert names[0].startswith("single_frame (whole, step 12)")
    assert names[1].startswith("particles (W2, step 1)")
    assert names[2:] == ["majority class", "motion energy"]
    assert all(score.count == 6 for score in scores.values())
    last = [line for line in writer.read(whole) if "test/accuracy" in line][-1]
    assert scores[names[0]].accuracy == last["test/accuracy"]
    assert scores[names[0]].loss == pytest.approx(last["test/loss"], rel=1e-5)
    assert scores["majority class"].accuracy == pytest.approx(1 / 6)


def test_evaluate_says_what_is_wrong(whole, tmp_path):
    words = [sys.executable, "experiments/evaluate.py", f"--workdir={tmp_path}"]
    done = run(words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "holds no config.json" in done.stderr
    out = tmp_path / "scores.json"
    done = run([*words[:2], f"--workdir={whole}", f"--json={out}"])
    assert done.returncode == 0, done.stderr
    assert "majority class" in done.stdout
    assert json.loads(out.read_text())["majority class"]["count"] == 6
