"""What a program sets before it imports jax: where compiled programs are kept, who may print.

For entry points alone (the command line, experiments, tests): a library leaves the process that
imports it as it is. Nothing is imported here that takes time.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pathlib
import platform
import sys
import warnings
from collections.abc import Iterator

from vidparticles import storage

FLAGS = "XLA_FLAGS"
CACHE = "JAX_COMPILATION_CACHE_DIR"
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ENCODER_LOG = "SVT_LOG"
_PREFIX = "programs-"


def quiet_libraries() -> None:
    """Let what XLA, TensorFlow and the encoder of AV1 are built from print nothing but errors.

    A level that the user has set, other than jax's own, stays. What goes wrong comes as an
    exception all the same.

    On CPUs with AVX-512, XLA of jax 0.10 reports each program that it loads from a compile cache
    as built for another machine: it takes its own tuning, `prefer-no-gather`, for a feature of
    the CPU (jax issue 38445). What can go wrong in truth is ruled out by `compile_cache`.
    """
    os.environ.setdefault(ENCODER_LOG, "1")
    # TensorFlow 2.21 says at any level that it uses oneDNN; reading data needs none of it.
    os.environ.setdefault(ONEDNN, "0")
    # A process that has imported jax has 1 there, and so has whatever it starts.
    if os.environ.get(LOG_LEVEL, "1") != "1":
        return
    os.environ[LOG_LEVEL] = "3"
    if "jax" in sys.modules:  # which has read the environment already
        sys.modules["jax"].config.update("jax_logging_level", "CRITICAL")
        # What jax itself warns of, a GPU that it cannot use, is worth reading.
        logging.getLogger("jax").setLevel(logging.WARNING)


def without_keras() -> None:
    """Let TensorFlow leave Keras and what that imports alone: a third of its own import.

    For programs, whose data alone it reads: `from tensorflow.keras import …` fails afterwards.
    """
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def compile_cheaply(*, level: int = 1) -> None:
    """Ask XLA for programs that are soon compiled, by what fills a process that runs each shortly.

    Without the fusion emitters of XLA in jax 0.10 all CPU time of the tests of image and flow is a
    third less (37 s and 24 s). Later ones do not know that flag, and an unknown flag ends the
    process.

    Args:
        level: of optimization, 0 … 3. At 1 the point tracker compiles in two thirds of the time of
            XLA's own 3 and runs as fast; at 0 it runs eight times as long.
    """
    from importlib import metadata

    flags = [f"--xla_backend_optimization_level={level}"]
    if metadata.version("jaxlib").startswith("0.10."):
        flags.append("--xla_cpu_use_fusion_emitters=false")
    # Of two values of a flag XLA takes the last: those of the user.
    os.environ[FLAGS] = " ".join([*flags, os.environ.get(FLAGS, "")]).strip()


@contextlib.contextmanager
def own_words_only(base: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """A program that prints its own words alone: no logs, no warnings to programmers.

    Args:
        base: see `compile_cache`, which is called too.
    """
    quiet_libraries()
    without_keras()
    compile_cache(base)
    silenced = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # those of `python -W` and PYTHONWARNINGS stay
                warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(silenced)


def compile_cache(base: str | os.PathLike[str] | None = None) -> pathlib.Path | None:
    """Keep compiled programs in a folder of their own for this jax, these flags and this CPU.

    Programs of other flags or of another machine, as in a home folder that several of them
    share, lie beside it and cannot be loaded.

    Args:
        base: the folder that holds such folders; that of the environment variable
            `JAX_COMPILATION_CACHE_DIR` comes first.

    Returns:
        The folder; None, and no cache, where neither names one. Processes that are started from
        here find it in the environment, and change the part that is theirs.

    Example:
        >>> before = os.environ.pop(CACHE, None)
        >>> compile_cache() is None
        True
        >>> if before: os.environ[CACHE] = before
    """
    given = os.environ.get(CACHE) or base
    if given is None:
        return None
    folder = pathlib.Path(given).absolute()
    if folder.name.startswith(_PREFIX):
        folder = folder.parent
    folder /= _PREFIX + _key()
    os.environ[CACHE] = str(folder)
    if "jax" in sys.modules:  # which has read the environment already
        sys.modules["jax"].config.update("jax_compilation_cache_dir", str(folder))
    return folder


def keep_programs(*, most: int = 1 << 29) -> None:
    """Keep compiled programs in the user's cache folder, where no other is named.

    Args:
        most: bytes; beyond them the programs that were made first are removed.
    """
    if CACHE not in os.environ:
        base = storage.cache_folder()
        os.environ[CACHE] = str(base)
        _prune(base, most)


def _prune(folder: pathlib.Path, most: int) -> None:
    with contextlib.suppress(OSError):  # not there yet, or another process does the same
        found = [(p.stat().st_mtime, p.stat().st_size, p) for p in folder.glob(f"{_PREFIX}*/*")]
        size = sum(bytes_ for _, bytes_, _ in found)
        for _, bytes_, path in sorted(found):
            if size <= most:
                return
            path.unlink(missing_ok=True)
            size -= bytes_


def _key() -> str:
    from importlib import metadata

    flags = sorted(os.environ.get(FLAGS, "").split())
    parts = [metadata.version("jax"), metadata.version("jaxlib"), *flags, *_cpu()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _cpu() -> list[str]:
    """What the compiler sees of the CPU."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = ("flags", "Features")  # on x86 and on Arm
    told = next((line.split(":", 1)[1].split() for line in lines if line.startswith(names)), [])
    return [platform.machine(), platform.processor(), *sorted(told)]
