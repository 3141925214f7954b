"""Who may import whom (the design's rooms), what an import brings in, how long a file may be.

Read from the source, so that an import inside a function counts for the rooms too; only what
runs when a module is imported counts for the heavy packages.
"""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vidparticles"
FILES = sorted(PACKAGE.rglob("*.py"))
GROUND = {"particles", "numerics", "errors"}

# room → the rooms it may import, besides itself and the ground floor
ROOMS = {
    "particles": set(),
    "numerics": set(),
    "errors": set(),
    "storage": {"errors"},
    "dynamics": set(),
    "image": set(),
    "flow": {"image"},
    "tracking": {"image", "flow", "dynamics"},
    "render": {"image", "flow"},
    "shots": {"image", "flow"},
    "video": {"storage"},
    "data": {"video", "storage"},
    "models": {"image", "flow", "tracking", "render", "dynamics"},
    # slow motion follows points of the footage itself
    "editing": {"image", "flow", "tracking", "render", "shots", "video", "models", "storage"},
    "training": {"dynamics", "image", "tracking", "models", "data", "video", "storage"},
}
LIBRARY = set(ROOMS)
ROOMS["inference"] = LIBRARY
ROOMS["viz"] = LIBRARY | {"inference"}
ROOMS["startup"] = set()
ROOMS["cli"] = LIBRARY | {"inference", "viz", "startup"}
ROOMS["__main__"] = {"cli"}
ROOMS["__init__"] = GROUND

# package → where alone it may be imported, and whether only inside functions even there
HEAVY = {
    "tensorflow": ("data",),
    "tensorflow_datasets": ("data",),
    "orbax": ("training/checkpoint.py",),
    "jax_md": ("models",),
    "av": ("video", "editing"),
    "flax": ("models", "training"),
}
LAZY = ("tensorflow", "tensorflow_datasets", "jax_md")
# what a room must not even know
FORBIDDEN = {"video": {"jax", "flax", "tensorflow"}, "data": {"flax"}}


def room(path: pathlib.Path) -> str:
    """The room a file belongs to: the first part of its path in the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: pathlib.Path) -> list[tuple[str, bool]]:
    """Full names that a file imports, and whether that happens when it is imported itself."""
    tree = ast.parse(path.read_text(), str(path))
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, now: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            now = False
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            now = False
        if isinstance(node, ast.Import):
            found.extend((alias.name, now) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full, not relative"
            found.extend((f"{node.module}.{alias.name}", now) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, now)

    visit(tree, True)
    return found


def breaches(path: pathlib.Path) -> list[str]:
    """What a file imports and may not."""
    here, wrong = room(path), []
    where = path.relative_to(PACKAGE).as_posix()
    for name, now in imports(path):
        top, *rest = name.split(".")
        into = rest[0] if top == "vidparticles" and rest else here
        if into in ROOMS and into not in ROOMS[here] | GROUND | {here}:
            wrong.append(f"{where} imports the room {into}")
        if top in HEAVY and not any(where == p or where.startswith(f"{p}/") for p in HEAVY[top]):
            wrong.append(f"{where} imports {top}, which belongs in {' and '.join(HEAVY[top])}")
        if top in LAZY and now:
            wrong.append(f"{where} imports {top} before a function needs it")
        if top in FORBIDDEN.get(here, ()):
            wrong.append(f"{where} imports {top}, and {here}/ does without")
    return wrong


def test_every_room_is_known():
    unknown = {room(path) for path in FILES} - set(ROOMS)
    assert not unknown, "a new room: say in ROOMS what it may import, and in the design"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_rooms_import_downwards_only(path):
    assert not breaches(path)


def test_the_rule_sees_a_breach(tmp_path, monkeypatch):
    """The test above can fail: a made-up file that breaks each rule."""
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "dynamics").mkdir()
    bad = tmp_path / "dynamics" / "bad.py"
    bad.write_text(
        "import jax_md\nimport vidparticles.models.motion\n"
        "def f():\n    from vidparticles.video import read\n    import tensorflow as tf\n"
        "from vidparticles.particles import particles\n"
    )
    assert breaches(bad) == [
        "dynamics/bad.py imports jax_md before a function needs it",
        "dynamics/bad.py imports the room models",
        "dynamics/bad.py imports the room video",
        "dynamics/bad.py imports tensorflow, which belongs in data",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) < 500


@pytest.mark.parametrize(
    ("module", "with_jax"),
    [("vidparticles", False), ("vidparticles.dynamics", True), ("vidparticles.render.splat", True)],
)
def test_what_an_import_brings_in(module, with_jax):
    """In a fresh process: none of the heavy packages."""
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert ("jax" in loaded) == with_jax
    heavy = {*HEAVY, "optax", "matplotlib", "sklearn", "PIL", "tensorboardX"}
    assert not loaded & heavy
