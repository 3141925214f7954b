"""Fixtures of the whole suite: eight fake CPU devices, a compilation cache, real data."""

from __future__ import annotations

import collections
import gc
import os
import pathlib
import tempfile

from vidparticles import startup

# Before jax is imported anywhere: compiling, not running, fills a run of the suite, and the tests
# are small. So the compiler does not try hard: half the time. And it does not split a program for
# several threads, which costs an eighth more in all: each core has a worker.
os.environ[startup.FLAGS] = (
    f"--xla_cpu_parallel_codegen_split_count=1 {os.environ.get(startup.FLAGS, '')}".strip()
)
startup.compile_cheaply(level=0)
startup.compile_cache(pathlib.Path(tempfile.gettempdir()) / "vidparticles-jax-cache")
# Small programs too: most are single operations, and modules and workers have many in common.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
startup.quiet_libraries()
startup.without_keras()
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_num_cpu_devices", 8)
# No deadline: a first call compiles. The same examples in every run of CI.
hypothesis.settings.register_profile(
    "vidparticles", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("vidparticles")

ROOT = pathlib.Path(__file__).resolve().parents[1]


# ---------------------------------------------------------------- what is compiled

# What a run of the suite costs is compiling: module → programs compiled or loaded, seconds that
# it took. Those of processes that a test starts are not seen.
_compiled: dict[str, list[float]] = collections.defaultdict(lambda: [0, 0.0])
_tested: dict[str, float] = collections.defaultdict(float)
_module = "collection"


def _count(event: str, seconds: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compiled[_module][0] += 1
        _compiled[_module][1] += seconds


jax.monitoring.register_event_duration_secs_listener(_count)


def pytest_collection_finish():
    """Spare the collector of garbage what was imported, which stays, and much of its work.

    Tracing makes many small objects and few circles of them; a collection walks through all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """What is compiled from here is compiled for this module."""
    global _module
    _module = item.nodeid.split("::")[0]
    return (yield)


def pytest_runtest_logreport(report):
    """Add up what the tests of a module took, fixtures included."""
    _tested[report.nodeid.split("::")[0]] += report.duration


def pytest_sessionfinish(session):
    """Send the counts from a worker to the process that started it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["compiled"] = dict(_compiled)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Receive them."""
    for module, (count, seconds) in getattr(node, "workeroutput", {}).get("compiled", {}).items():
        _compiled[module][0] += count
        _compiled[module][1] += seconds


def pytest_terminal_summary(terminalreporter):
    """Print the modules that take longest."""
    largest = sorted(_tested, key=lambda module: -_tested[module])[:20]
    count = sum(count for count, _ in _compiled.values())
    seconds = sum(seconds for _, seconds in _compiled.values())
    terminalreporter.section(f"{count} programs compiled in {seconds:.0f} s")
    terminalreporter.write_line("programs  compiling    tests")
    for module in largest:
        count, seconds = _compiled[module]
        line = f"{count:8} {seconds:8.1f} s {_tested[module]:6.1f} s  {module}"
        terminalreporter.write_line(line)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs():
    """Compiled programs pile up to gigabytes, which every later collection walks through."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of real data; tests that need it are skipped where it is absent."""
    path = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set VIDPARTICLES_DATA to its folder")
    return path


# A tiny embedded set and a checkpoint of a tiny model, for every verb.


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> pathlib.Path:
    """18 clips of two seconds: train|val|test/class/clip.mp4."""
    from vidparticles.data import embedded

    counts = {"train": 1, "val": 1, "test": 1}
    return embedded.make(tmp_path_factory.mktemp("set"), clips_per_class=counts)


@pytest.fixture(scope="session")
def clip(clips) -> pathlib.Path:
    """One clip of the set: 2 s, 128 × 128, 24 frames a second, with sound."""
    return next(clips.glob("test/orbit/*.mp4"))


@pytest.fixture(scope="session")
def run(clips, tmp_path_factory) -> pathlib.Path:
    """The workdir of a run that was stopped before its first step.

    The main command trains; here only what a checkpoint holds matters, not what was learned.
    """
    import jax
    import numpy as np
    import optax

    from vidparticles import models
    from vidparticles.training import checkpoint, state
    from vidparticles.training import run as training

    workdir = tmp_path_factory.mktemp("run")
    options = {"planes": 2, "interactions": {"steps": 1}, "encoder": [4, 4]}
    config = {
        "classes": sorted(folder.name for folder in (clips / "test").iterdir()),
        "clip_seconds": 2.0,
        "batch_size": 8,
        "data": {"frames": 8, "size": 16, "sampling": "uniform", "rate": 8.0},
        "model": {"name": "frame_particles", "options": options},
    }
    model = models.build("frame_particles", num_classes=len(config["classes"]), **options)
    like = {"video": np.zeros((1, 8, 16, 16, 3), np.uint8), "time": np.zeros((1, 8), np.float32)}
    params = jax.jit(lambda key: model.init(key, like))(jax.random.key(0))
    training.write_config(workdir, config)
    with checkpoint.Checkpoints(workdir) as checkpoints:
        checkpoints.save(state.create(params, optax.sgd(0.1)), position=0)
    return workdir
