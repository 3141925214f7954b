"""Traced programs that are kept on disk: what Flax takes seconds to trace is traced once.

JAX keeps compiled programs by their content, which a fresh process knows only after it has traced
them again; for a network of a hundred layers that takes as long as to run it. Here what was traced
is kept beside them, as StableHLO (`jax.export`), by what it depends on: the function, the shapes,
the static arguments, the code of this package, and the versions of JAX and Flax.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import flatbuffers  # noqa: F401 - `jax.export` writes with it, and JAX does not require it
import jax
import numpy as np

from vidparticles import storage
from vidparticles.errors import InputError

_SUFFIX = ".stablehlo"
_DIGEST = hashlib.sha256().digest_size


def persistent_jit(
    function: Callable[..., Any], *, static_argnames: Sequence[str] = ()
) -> Callable[..., Any]:
    """`jax.jit`, whose traced programs are kept beside JAX's compiled ones.

    Where JAX keeps no programs (`jax_compilation_cache_dir`), under a transformation (`grad`,
    `vmap`, another `jit`), and for arrays that lie elsewhere than on the default device, it is
    `jax.jit` alone.

    Args:
        function: of arrays by position, and of hashable options with a `repr` that tells them
            apart by keyword; it takes and gives trees of tuples, lists and dicts of arrays.
        static_argnames: the options.

    Example:
        >>> double = persistent_jit(lambda x: (2 * x,))
        >>> double(np.ones(2, np.float32))[0].tolist()
        [2.0, 2.0]
    """
    jitted = jax.jit(function, static_argnames=static_argnames)
    ready: dict[Any, Callable[..., Any]] = {}

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
        leaves, tree = jax.tree.flatten(args)
        if not folder or not all(map(_here, leaves)):
            return jitted(*args, **options)
        shapes = tuple((x.shape, str(x.dtype)) for x in leaves)
        key = folder, tree, shapes, tuple(sorted(options.items())), _settings()
        if key not in ready:
            name = f"{function.__module__}.{function.__qualname__}"
            told = [name, str(tree), shapes, repr(key[3]), key[4], *_versions(), _code()]
            file = f"{function.__name__}-{hashlib.sha256(repr(told).encode()).hexdigest()}"
            ready[key] = _program(
                pathlib.Path(folder) / (file + _SUFFIX), jitted, args, dict(options)
            )
        return ready[key](*args)

    return run


def _here(leaf: Any) -> bool:
    """Whether it is an array of the host, or of the default device alone."""
    if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
        return isinstance(leaf, np.ndarray)
    return leaf.devices() == {jax.devices()[0]}


def _program(
    path: pathlib.Path, jitted: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> Callable[..., Any]:
    """The program of a file, which is written where there is none, or a damaged one."""
    from jax import export

    content = b""
    if path.is_file():
        whole = path.read_bytes()
        if hashlib.sha256(whole[_DIGEST:]).digest() == whole[:_DIGEST]:
            content = whole[_DIGEST:]
    if not content:
        content = bytes(export.export(jitted)(*args, **options).serialize())
        _write(path, hashlib.sha256(content).digest() + content)
    # Compiled from the file also by who has just written it: so the next process finds that. And
    # at once, for wherever its arguments lie: an exported program gives arrays that are bound to
    # their device, and would be compiled again where they are given to it.
    call = jax.jit(export.deserialize(bytearray(content)).call)
    return call.lower(*args).compile()


def _write(path: pathlib.Path, content: bytes) -> None:
    # As JAX itself where the disk is full: it is traced again the next time.
    with contextlib.suppress(InputError), storage.write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with storage.atomic_write(path, listed=False) as partial:
            partial.write_bytes(content)


def _settings() -> tuple[Any, ...]:
    """What programs are traced by besides their arguments."""
    config: Any = jax.config
    return jax.default_backend(), config.jax_enable_x64, config.jax_default_matmul_precision


@functools.cache
def _versions() -> tuple[str, ...]:
    return tuple(metadata.version(name) for name in ("jax", "jaxlib", "flax"))


@functools.cache
def _code() -> str:
    """A hash of the package: what a function is traced through may lie in any of its files."""
    total = hashlib.sha256()
    root = pathlib.Path(__file__).parent
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
