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
import types

import numpy as np
import pytest

from experiments import evaluate as evaluate_script
from experiments import launch
from experiments.configs import clip, folder
from experiments.train import train
from vidparticles import models
from vidparticles.data import embedded as embedded_set
from vidparticles.errors import InputError
from vidparticles.tracking.discs.tracker import DiscConfig
from vidparticles.training import checkpoint, writer
from vidparticles.training import run as runs

ROOT = pathlib.Path(__file__).resolve().parents[2]

CLIPS = {"train": 3, "val": 1, "test": 1}
SMALL = {
    "batch_size": 8,
    "steps": 12,
    "log_every": 1,
    "eval_every": 6,
    "checkpoint_every": 3,
    "data.frames": 4,
    "data.size": 16,
}


# Seconds until a child that hangs is given up; a run takes about ten.
PATIENCE = 300


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> pathlib.Path:
    """A small embedded set: 18 clips to train on, 6 each for val and test."""
    return embedded_set.make(tmp_path_factory.mktemp("embedded"), clips_per_class=CLIPS)


def small(config, **changes):
    """The config at the size of a test."""
    if config.model.name == "frame_particles":
        config.model.options.update(planes=2, encoder=(4, 4), motion_clips=0)
        config.model.options.interactions.steps = 1
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


def environment() -> dict[str, str]:
    return {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}


def run(words) -> subprocess.CompletedProcess:
    return subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE
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


# ------------------------------------------------------------------ data without labels


def test_clip_config_needs_no_labels(clips, tmp_path):
    file = next(clips.glob("test/orbit/*.mp4"))
    final = train(
        small(clip.get_config("single_frame"), steps=2, **{"data.file": str(file)}), tmp_path
    )
    assert (final["step"], final["train/loss"]) == (2, 0)  # one class: nothing to tell
    loaded = runs.load_model(tmp_path)
    assert (loaded.classes, loaded.model.num_classes) == ((), 1)
    assert loaded.config["data"]["file"] == str(file)


@pytest.mark.slow
def test_objects_of_a_clip_are_trained_without_labels(clips, tmp_path):
    file = next(clips.glob("test/orbit/*.mp4"))
    config = clip.get_config()
    config.model.options.objects.update(count=2, widths=(2,), memory=2)
    config = small(config, steps=1, **{"data.file": str(file), "data.frames": 3})
    final = train(config, tmp_path / "run")
    assert np.isfinite(final["train/loss"])
    assert final["train/prediction_error"] > 0
    assert not any("accuracy" in name for name in final)
    loaded = runs.load_model(tmp_path / "run")
    assert (loaded.model_name, loaded.classes, loaded.model.num_classes) == (
        "object_particles",
        (),
        1,
    )
    assert (loaded.model.objects.count, loaded.model.objects.widths) == (2, (2,))
    assert loaded.model.objects.running_background


def test_mistakes_about_a_clip_are_said(tmp_path):
    config = clip.get_config()
    config.batch_size = 8
    for file, says in (("", "--config.data.file=clip.mp4"), ("nowhere.mp4", "no such file")):
        config.data.file = file
        with pytest.raises(InputError, match=says):
            train(config, tmp_path / "W")
    config.model.options.objects.cuont = 3
    config.data.file = str(tmp_path)
    with pytest.raises(InputError):
        train(config, tmp_path / "W")
    with pytest.raises(InputError, match="Did you mean 'count'"):
        models.build("object_particles", num_classes=1, **config.model.options.to_dict())
    assert not (tmp_path / "W").exists()


def test_a_labelled_config_keeps_the_options_of_objects(tmp_path):
    config = folder.get_config("object_particles")
    config.model.options.objects.running_background = True
    runs.write_config(
        tmp_path, {**json.loads(config.to_json()), "classes": ["a", "b"], "clip_seconds": 1.0}
    )
    options = runs.read_config(tmp_path)["model"]["options"]
    model = models.build("object_particles", num_classes=2, **options)
    assert model == models.build(
        "object_particles", num_classes=2, **config.model.options.to_dict()
    )
    assert model.objects == DiscConfig(running_background=True)
    hash(model.objects)  # a static argument of jit


# ------------------------------------------------------------------ restarts


def kill_when(words, workdir: pathlib.Path, *, lines: int, delay: float = 0.0) -> bool:
    """Start the command, kill -9 it once the file has that many lines; false if it ended."""
    child = subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
    while child.poll() is None and len(writer.read(workdir)) < lines:
        time.sleep(0.005)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def test_killed_and_started_again_gives_the_same_file(clips, whole, tmp_path):
    words = command(clips, tmp_path)
    assert kill_when(words, tmp_path, lines=7)
    again = run(words)
    assert again.returncode == 0, again.stderr
    assert "going on from step" in again.stderr
    assert (tmp_path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


@pytest.mark.slow
def test_killed_at_random_until_it_ends_gives_the_same_file(clips, whole, tmp_path):
    rng, words, kills = np.random.default_rng(0), command(clips, tmp_path), 0
    for _ in range(20):
        lines = int(rng.integers(1, len(writer.read(whole))))
        kills += kill_when(words, tmp_path, lines=lines, delay=float(rng.uniform(0, 0.3)))
    assert kills > 5
    assert run(words).returncode == 0
    assert (tmp_path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


def test_after_its_end_a_run_writes_nothing_twice(clips, whole):
    before = (whole / "metrics.jsonl").read_bytes()
    final = train(folder_config(clips), whole)  # on the eight devices of the test suite
    assert final["step"] == 12
    assert "train/loss" not in final
    assert (whole / "metrics.jsonl").read_bytes() == before


def test_changed_keys_are_told_and_other_models_refused(clips, tmp_path, capsys):
    train(folder_config(clips, steps=1), tmp_path)
    train(folder_config(clips, steps=2), tmp_path)
    assert "config.steps was 1 until now and is 2 from here" in capsys.readouterr().err
    before = (tmp_path / "config.json").read_text()
    other = folder.get_config("single_frame")
    other.model.options.encoder = (5,)
    other = small(other, steps=2, **{"data.dir": str(clips)})
    with pytest.raises(InputError, match=r"checkpoints/2 is a checkpoint of another model: .* is "):
        train(other, tmp_path)
    assert (tmp_path / "config.json").read_text() == before


# ------------------------------------------------------------------ devices and processes


def test_eight_devices_give_the_same_curve(clips, whole, tmp_path):
    train(folder_config(clips), tmp_path)  # on the eight devices of the test suite
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
    try:
        for child in children:
            _, said = child.communicate(timeout=PATIENCE)
            assert child.returncode == 0, said
    finally:
        for child in children:
            child.kill()
    assert_same_curve(whole, tmp_path, atol=1e-5)


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("--config.stesp=3", "config has no key 'stesp'. Did you mean 'steps'?"),
        ("--config.data.siez=3", "config.data has no key 'siez'. Did you mean 'size'?"),
        ("--config.steps.x=3", "config.steps is a value and has no keys"),
        ("--config=absent.py", "--config=absent.py is no file; see experiments/configs/"),
        (
            "--config=experiments/configs/folder.py:frame_particle",
            "Did you mean 'frame_particles'?",
        ),
        ("--confg=experiments/configs/folder.py", "--config is missing"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(more, sentence, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = [] if more.startswith("--conf") and "." not in more[:9] else ["--config"]
    words = ["train.py", *(f"{c}=experiments/configs/folder.py" for c in config), more]
    with pytest.raises(InputError) as told:
        launch.parse([*words, "--workdir=W"])
    assert sentence in str(told.value)


def test_a_mistake_is_one_line_and_status_two(clips, tmp_path):
    done = run([*command(clips, tmp_path / "W"), "--config.steps=abc"])
    assert done.returncode == 2
    assert "--config.steps=abc" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("train.py: ")
    assert not (tmp_path / "W").exists()


def test_bad_data_and_batches_write_nothing(clips, tmp_path):
    workdir = tmp_path / "W"
    with pytest.raises(InputError, match="batch_size is 12; expected a positive multiple of the 8"):
        train(folder_config(clips, batch_size=12), workdir)
    with pytest.raises(InputError):
        train(folder_config(tmp_path / "absent"), workdir)
    config = folder.get_config("frame_particles")
    config.model.options.widht = 3
    config = small(config, **{"data.dir": str(clips)})
    with pytest.raises(InputError, match="has no option 'widht'"):
        train(config, workdir)
    assert not workdir.exists()


def test_broken_numbers_name_the_step_and_the_checkpoint(clips, tmp_path):
    config = folder_config(clips, checkpoint_every=1, **{"optimizer.learning_rate": 1e38})
    with pytest.raises(FloatingPointError, match=r"^Step \d+ gave a loss of ") as told:
        train(config, tmp_path)
    with checkpoint.Checkpoints(tmp_path, read_only=True) as checkpoints:
        saved = checkpoints.latest()
    assert str(told.value).startswith(f"Step {saved + 1} ")
    assert f"the last good checkpoint is {tmp_path}/checkpoints/{saved};" in str(told.value)


# ------------------------------------------------------------------ evaluate.py


def test_evaluation_repeats_the_numbers_of_the_run(clips, whole, tmp_path):
    train(folder_config(clips, steps=1), tmp_path / "W2")
    scores = evaluate_script.evaluate(whole, with_baselines=True, beside=[tmp_path / "W2"])
    names = list(scores)
    assert names == [
        "single_frame (whole, step 12)",
        "single_frame (W2, step 1)",
        "majority class",
        "motion energy",
    ]
    assert all(score.count == 6 for score in scores.values())
    (last,) = [line for line in writer.read(whole) if "test/accuracy" in line]
    assert scores[names[0]].accuracy == last["test/accuracy"]
    assert scores[names[0]].loss == pytest.approx(last["test/loss"], rel=1e-5)
    assert scores["majority class"].accuracy == pytest.approx(1 / 6)


def test_evaluate_says_what_is_wrong(whole, tmp_path, monkeypatch, capsys):
    def script(*words: str) -> types.SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *words])
        try:
            evaluate_script.main()
        except SystemExit as end:
            return types.SimpleNamespace(code=end.code, **capsys.readouterr()._asdict())
        return types.SimpleNamespace(code=0, **capsys.readouterr()._asdict())

    done = script(f"--workdir={tmp_path}")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "holds no config.json" in done.err
    done = script(f"--workdir={whole}", "--split=tset")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "has no split 'tset'" in done.err
    done = script(f"--workdir={whole}", f"--json={tmp_path / 'scores.json'}")
    assert done.code == 0
    assert "majority class" in done.out
    assert json.loads((tmp_path / "scores.json").read_text())["majority class"]["count"] == 6
