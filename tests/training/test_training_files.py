"""What a run leaves on the disk: checkpoints that survive, one curve, progress."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import stand_in

from vidparticles.errors import InputError
from vidparticles.training import checkpoint, progress, run, sharding, state, writer


def make_state(*, width: int = 4, step: int = 0) -> state.TrainState:
    model = stand_in.Linear(width=width)
    optimizer = state.adamw(lambda _: 0.1, weight_decay=0.0, clip=1.0)
    params = model.init(jax.random.key(step), stand_in.batch(0))
    return state.create(params, optimizer).__class__(
        step=jax.numpy.int32(step),
        params=params,
        opt_state=optimizer.init(params),
        ema=jax.tree.map(lambda p: p + 1, params),
    )


def save(workdir: pathlib.Path, *steps: int, keep: int = 2) -> None:
    with checkpoint.Checkpoints(workdir, keep=keep) as checkpoints:
        for step in steps:
            checkpoints.save(make_state(step=step), position=3 * step)


def test_what_is_restored_is_what_was_saved(tmp_path):
    save(tmp_path, 1, 2, 3)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2", "3"]
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        got, position = checkpoints.restore(make_state())
        ema, step = checkpoints.restore_ema(make_state().ema)
    want = make_state(step=3)
    assert (position, step) == (9, 3)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(ema["head"]["bias"], want.ema["head"]["bias"])


def test_restored_arrays_lie_where_the_new_run_wants_them(tmp_path):
    save(tmp_path, 1)
    everywhere = sharding.everywhere(sharding.data_mesh())
    like = jax.device_put(make_state(), everywhere)
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        got, _ = checkpoints.restore(like)
    assert all(leaf.sharding == everywhere for leaf in jax.tree.leaves(got))


def test_another_model_is_told_by_its_first_leaf(tmp_path):
    save(tmp_path, 1)
    sentence = (
        r"checkpoints/1 is a checkpoint of another model: head/kernel is float32\[6, 3\] in the "
        r"model and float32\[4, 3\] in the checkpoint"
    )
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(InputError, match=sentence):
            checkpoints.restore(make_state(width=6))
        with pytest.raises(InputError, match="hidden/kernel is absent in the model"):
            checkpoints.restore_ema({"head": make_state().ema["head"]})


def test_without_a_checkpoint_there_is_nothing_to_restore(tmp_path):
    with (
        checkpoint.Checkpoints(tmp_path, read_only=True) as checkpoints,
        pytest.raises(InputError, match="holds no complete checkpoint"),
    ):
        checkpoints.restore_ema(make_state().ema)


def damage(path: pathlib.Path, how: str) -> None:
    """Remove, empty, halve or zero a file, as a disk that is full or fails does."""
    content = path.read_bytes()
    if how == "removed":
        path.unlink()
    else:
        left = {"empty": b"", "half": content[: len(content) // 2], "zeros": bytes(len(content))}
        path.write_bytes(left[how])


@pytest.mark.parametrize("how", ["removed", "empty", "half", "zeros"])
@pytest.mark.parametrize(
    "which",
    [
        "_METADATA",
        "manifest.ocdbt",
        "d/*",
        pytest.param("*", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_and_said(tmp_path, capfd, which, how):
    """Whatever file of it is damaged: all of the newest comes back, or all of the one before."""
    saved = tmp_path / "saved"
    save(saved, 1, 2)
    newest = saved / "checkpoints" / "2"
    files = newest.rglob("*") if which == "*" else (newest / "params").glob(which)
    passed_over = 0
    for number, file in enumerate(sorted(f for f in files if f.is_file())):
        workdir = tmp_path / str(number)
        shutil.copytree(saved, workdir)
        damage(workdir / file.relative_to(saved), how)
        capfd.readouterr()
        with checkpoint.Checkpoints(workdir) as checkpoints:
            got, position = checkpoints.restore(make_state())
        step, said = int(got.step), capfd.readouterr().err
        assert position == 3 * step
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(make_state(step=step)), strict=True):
            np.testing.assert_array_equal(a, b)
        if step == 1:
            passed_over += 1
            assert said.startswith(f"{workdir}/checkpoints/2 cannot be read (")
            assert said.endswith("going on from the checkpoint before it, 1\n")
            assert said.count("\n") == 1
        else:
            assert (step, said) == (2, "")
    assert passed_over > 0


def test_a_run_that_passed_one_over_puts_a_whole_one_in_its_place(tmp_path):
    save(tmp_path, 1, 2)
    damage(tmp_path / "checkpoints" / "2" / "ema" / "manifest.ocdbt", "empty")
    notes = []
    with checkpoint.Checkpoints(tmp_path, note=notes.append) as checkpoints:
        checkpoints.restore(make_state())
        assert checkpoints.describe().endswith("checkpoints/1")
        assert (tmp_path / "checkpoints" / "2").exists()  # until there is a newer one
        checkpoints.save(make_state(step=2), position=6)
    assert len(notes) == 1
    with checkpoint.Checkpoints(tmp_path, note=notes.append) as checkpoints:
        assert int(checkpoints.restore(make_state())[0].step) == 2
    assert len(notes) == 1


def test_where_all_are_damaged_none_is_restored(tmp_path):
    save(tmp_path, 1, 2)
    for step in ("1", "2"):
        damage(tmp_path / "checkpoints" / step / "params" / "manifest.ocdbt", "zeros")
    with (
        checkpoint.Checkpoints(tmp_path, read_only=True) as checkpoints,
        pytest.raises(InputError, match=r"checkpoints/1 cannot be read .*, and there is none"),
    ):
        checkpoints.restore_ema({**make_state().ema})


KILLED = """
import sys; sys.path.insert(0, {here!r})
import test_training_files as t, pathlib
from vidparticles.training import checkpoint
with checkpoint.Checkpoints(pathlib.Path({workdir!r}), keep=2) as c:
    for step in range(1, 10_000):
        c.save(t.make_state(step=step), position=3 * step)
        print(step, flush=True)
"""


def test_killed_while_saving_goes_on_from_the_last_complete(tmp_path):
    code = KILLED.format(here=os.path.dirname(__file__), workdir=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        for _ in range(3):
            said = int(child.stdout.readline())
        # Most of the child's time goes into saving; this lands inside of one.
        time.sleep(0.03)
        child.send_signal(signal.SIGKILL)
        rest = [int(line) for line in child.stdout]
    said = rest[-1] if rest else said
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        got, position = checkpoints.restore(make_state())
    step = int(got.step)
    assert step >= said
    assert position == 3 * step
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(make_state(step=step)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"holds no config.json"):
        run.load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model": 3}')
    with pytest.raises(InputError, match="not the config of a training run"):
        run.load_model(tmp_path)


def test_curve_is_one_after_a_restart(tmp_path):
    def life(*, step: int, upto: int) -> None:
        with writer.Writer(tmp_path, step=step) as out:
            for s in range(step + 1, upto + 1):
                out.write(s, {"train/loss": np.float32(1 / s)})
                if s % 3 == 0:
                    out.write(s, {"val/accuracy": s / 10})

    life(step=0, upto=7)
    whole = (tmp_path / "metrics.jsonl").read_text()
    # A kill in the middle of a line, then a restart from an earlier checkpoint.
    (tmp_path / "metrics.jsonl").write_text(whole + '{"step": 8, "trai')
    life(step=4, upto=7)
    assert (tmp_path / "metrics.jsonl").read_text() == whole
    # A run that had ended writes nothing twice.
    with writer.Writer(tmp_path, step=7) as out:
        out.write(6, {"val/accuracy": 0.6})
    assert (tmp_path / "metrics.jsonl").read_text() == whole
    assert writer.read(tmp_path)[2] == {"step": 3, "train/loss": pytest.approx(1 / 3)}
    assert list(tmp_path.glob("events.out.tfevents*"))


def test_only_the_first_process_writes(tmp_path):
    with writer.Writer(tmp_path, step=0, active=False) as out:
        out.write(1, {"x": 1.0})
        out.flush()
    assert not list(tmp_path.iterdir())


def test_progress_off_a_terminal_is_a_line_every_few_seconds():
    stream = io.StringIO()
    with progress.Progress(steps=5, start=2, stream=stream, every=1e9) as shown:
        for step in (3, 4, 5):
            shown.update(step, loss=0.5, clips_per_second=8.0)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("step 5/5  loss 0.5000  8.0 clips/s  0:00:00 left")


def test_progress_on_a_terminal_is_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with progress.Progress(steps=5, start=0, stream=stream) as shown:
        shown.update(5, loss=0.25, clips_per_second=8.0)
        shown.note("val 50 %")
    for part in ("5/5", "loss 0.2500", "8.0 clips/s", "val 50 %"):
        assert part in stream.getvalue()


def test_clock_tells_work_from_waiting():
    class Result:
        """Of a step that takes so long on the device."""

        def __init__(self, seconds):
            self.seconds = seconds

        def block_until_ready(self):
            nonlocal now
            now += self.seconds
            return self

    now = 0.0
    with progress.Clock(now=lambda: now) as clock:
        for seconds in (2.0, 3.0, 4.0):
            clock.start()
            clock.watch(Result(seconds))
            clock.finish()
            now += 5.0  # the next batch is late
        clock.pause()
        now += 100.0
        clock.start()
        clock.watch(Result(6.0))
        clock.finish()
    assert clock.first_step_seconds == 2.0
    assert clock.busy == 3.0 + 4.0 + 6.0
    assert clock.wall == 5.0 + 3.0 + 5.0 + 4.0 + 6.0
    assert clock.steps == 3
    assert clock.busy_share == clock.busy / clock.wall
    assert clock.steps_per_second == clock.steps / clock.wall


def test_config_is_whole_or_absent(tmp_path):
    config = {"classes": ["a"], "model": {"name": "m", "options": {}}, "data": {}, "batch_size": 2}
    run.write_config(tmp_path, config)
    assert run.read_config(tmp_path) == config
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
    assert json.loads((tmp_path / "config.json").read_text())["classes"] == ["a"]
