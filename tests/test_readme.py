"""README's Python blocks run as they stand, and do what the text says."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import jax
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def _run(number):
    names: dict = {}
    exec(compile(BLOCKS[number], f"README.md, block {number}", "exec"), names)
    return names


def test_the_gradient_through_the_rollout_is_that_of_finite_differences():
    names = _run(0)
    slopes, spread, clips = names["slopes"], jax.jit(names["spread"]), names["clips"]
    ahead, behind = (np.asarray(spread(0.05 + h, clips[0])) for h in (1e-3, -1e-3))
    np.testing.assert_allclose(slopes[0], (ahead - behind) / 2e-3, rtol=0.02)
    assert slopes.shape == (8,)
    assert abs(slopes[0]) > 1e-4


def test_jax_md_moves_by_our_force_and_we_by_its_energy():
    names = _run(1)
    moved = names["state"].position - names["start"]
    assert 0 < np.abs(moved).max() < 0.1
    # Soft spheres push the three apart, and only that.
    path = names["path"].particles.position
    distances = np.linalg.norm(path[:, :, None] - path[:, None], axis=-1).sum((1, 2))
    assert (np.diff(distances) > 0).all()


def test_the_tables_are_those_of_the_measured_files():
    script = ROOT / "experiments" / "readme_tables.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
