"""Who may import whom (the design's rooms), what is declared for it, how long a file may be.

Read from the source, so that an import inside a function counts too. A package of an extra is
imported by `errors.require` alone, which says what to install where it is absent.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vidparticles"
FILES = sorted(PACKAGE.rglob("*.py"))
GROUND = {"particles", "numerics", "errors", "progress"}

# room → the rooms it may import, besides itself and the ground floor
ROOMS = {
    "particles": set(),
    "numerics": set(),
    "errors": set(),
    "progress": set(),
    "storage": set(),
    "programs": {"storage"},
    "dynamics": set(),
    "image": set(),
    "flow": {"image"},
    "tracking": {"image", "flow", "dynamics"},
    "render": {"image", "flow"},
    "shots": {"image", "flow", "programs"},
    "video": {"storage"},
    "weights": {"storage"},
    "data": {"video", "storage"},
    "models": {"image", "flow", "tracking", "render", "dynamics", "programs"},
    # slow motion follows points of the footage itself
    "editing": {"image", "flow", "tracking", "render", "shots", "video", "storage"},
    "training": {"dynamics", "image", "tracking", "models", "data", "video", "storage"},
}
LIBRARY = set(ROOMS)
ROOMS["inference"] = LIBRARY
ROOMS["viz"] = LIBRARY | {"inference"}
ROOMS["startup"] = {"storage"}
ROOMS["bar"] = set()
ROOMS["parsing"] = set()
ROOMS["stopping"] = {"storage"}
ROOMS["verbs"] = LIBRARY | {"inference", "viz", "parsing"}
ROOMS["cli"] = LIBRARY | {"inference", "viz", "startup", "bar", "stopping", "parsing", "verbs"}
ROOMS["command"] = {"cli"}
ROOMS["__init__"] = GROUND

# package → where alone it may be imported
PLACES = {
    "tensorflow": ("data/tf.py",),
    "tensorflow_datasets": ("data/tf.py",),
    "orbax": ("training/checkpoint.py",),
    "jax_md": (),
    "av": ("video",),
    "flax": ("models", "tracking/discs"),
    "optax": ("models", "training"),
}
# what takes long to import, or owns the GPU: never before a function needs it
LATE = {"tensorflow", "tensorflow_datasets", "jax_md", "orbax", "sklearn", "skimage", "matplotlib"}
# what a room must not even know
CORE = ("particles", "numerics", "errors", "dynamics", "image", "flow", "render")
WITHOUT = {name: {"flax", "optax", "orbax", "tensorflow", "jax_md", "av"} for name in CORE}
WITHOUT["video"] = {"jax", "flax", "tensorflow"}
WITHOUT["data"] = {"flax"}

# import → distribution, where the names differ
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "cv2": "opencv-python-headless",
    "orbax": "orbax-checkpoint",
    "scenedetect": "scenedetect-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow-cpu",
    "webvtt": "webvtt-py",
}


class Import(NamedTuple):
    """One import of a file."""

    name: str  # in full, with what is taken from the module
    now: bool  # it happens when the file is imported itself
    extra: str | None  # of `errors.require`; None for an import statement


def called(function: ast.expr) -> str:
    """The last part of the name by which something is called; "" where it has none."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@functools.cache
def imports(path: pathlib.Path) -> tuple[Import, ...]:
    """All that a file imports."""
    tree = ast.parse(path.read_text(), str(path))
    found: list[Import] = []

    def visit(node: ast.AST, now: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            now = False
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            now = False
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, now, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full, not relative"
            found.extend(Import(f"{node.module}.{a.name}", now, None) for a in node.names)
        if isinstance(node, ast.Call) and called(node.func) == "require":
            extra = node.keywords[0].value
            assert isinstance(node.args[0], ast.Constant)
            assert isinstance(extra, ast.Constant)
            found.append(Import(node.args[0].value, now, extra.value))
        for child in ast.iter_child_nodes(node):
            visit(child, now)

    visit(tree, True)
    return tuple(found)


def where(path: pathlib.Path) -> str:
    """A file's path in the package."""
    return path.relative_to(PACKAGE).as_posix()


def room(path: pathlib.Path) -> str:
    """The room a file belongs to: the first part of its path in the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def breaches(path: pathlib.Path) -> list[str]:
    """What a file imports and may not."""
    here, at, wrong = room(path), where(path), []
    for name, now, _ in imports(path):
        top, *rest = name.split(".")
        into = rest[0] if top == "vidparticles" and rest else here
        if into in ROOMS and into not in ROOMS[here] | GROUND | {here}:
            wrong.append(f"{at} imports the room {into}")
        places = PLACES.get(top)
        if places is not None and not any(at == p or at.startswith(f"{p}/") for p in places):
            wrong.append(f"{at} imports {top}, which belongs in {' and '.join(places) or 'none'}")
        if top in LATE and now:
            wrong.append(f"{at} imports {top} before a function needs it")
        if top in WITHOUT.get(here, ()):
            wrong.append(f"{at} imports {top}, and {here} does without")
    return wrong


def arrows(files: list[pathlib.Path]) -> dict[str, set[str]]:
    """File → the files of the package that it imports, by their paths in it.

    What Python runs on the way, the `__init__` of a folder, counts only where a name is taken
    from it.
    """
    modules = {}
    for path in files:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = where(path)
    found: dict[str, set[str]] = {}
    for path in files:
        into = found.setdefault(where(path), set())
        for name, _, _ in imports(path):
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name:
                into.add(modules[name])
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A way through the arrows that ends where it begins; empty when there is none."""
    done: set[str] = set()

    def walk(at: str, way: list[str]) -> list[str]:
        if at in way:
            return [*way[way.index(at) :], at]
        if at not in done:
            for into in sorted(graph.get(at, ())):
                if found := walk(into, [*way, at]):
                    return found
            done.add(at)
        return []

    for start in sorted(graph):
        if found := walk(start, []):
            return found
    return []


@functools.cache
def declared() -> dict[str, set[str]]:
    """Extra → the distributions it installs with those it names; "" for the core."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}

    def expand(group: str) -> set[str]:
        names: set[str] = set()
        for line in groups[group]:
            name, extras = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", line).groups()
            if name == project["name"]:
                names |= {other for extra in extras.split(",") for other in expand(extra)}
            else:
                names.add(name.lower().replace("_", "-"))
        return names

    return {group: expand(group) for group in groups}


@functools.cache
def own() -> set[str]:
    """The names by which files of this repository import each other."""
    tests = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    return {"vidparticles", "experiments", "tests", *tests}


def distribution(name: str) -> str | None:
    """What installs a module; None for Python's own and the project's."""
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or top in own():
        return None
    return DISTRIBUTIONS.get(top, top.lower().replace("_", "-"))


def undeclared(path: pathlib.Path, *extras: str) -> list[str]:
    """What a file imports that neither the core nor these extras install."""
    wrong = []
    for name, _, extra in imports(path):
        allowed = declared()[""].union(*(declared()[group] for group in extras))
        if extra is not None:
            allowed = declared()[extra]
        package = distribution(name)
        if package is not None and package not in allowed:
            wrong.append(f"{path.name} imports {name}, and pyproject.toml does not say so")
    return wrong


def renames(path: pathlib.Path) -> bool:
    """Whether a file calls what moves files."""
    moves = {"os.replace", "os.rename", "shutil.move"}
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    # To write all calls out would take seconds.
    last = {move.split(".")[1] for move in moves}
    return any(called(call.func) in last and ast.unparse(call.func) in moves for call in calls)


def test_every_room_is_known():
    unknown = {room(path) for path in FILES} - set(ROOMS)
    assert not unknown, "a new room: say in ROOMS what it may import, and in the design"


def test_rooms_import_downwards_only():
    assert not [line for path in FILES for line in breaches(path)]


def test_no_files_import_each_other_in_a_circle():
    assert not circle(arrows(FILES))


def test_what_the_package_imports_is_declared():
    """By a statement: what the core installs; by `require`: what that extra installs."""
    assert not [line for path in FILES for line in undeclared(path)]


@pytest.mark.parametrize(
    ("folder", "extras"), [("experiments", ("all", "bench")), ("tests", ("test", "bench"))]
)
def test_what_the_clone_imports_is_declared(folder, extras):
    wrong = [line for path in (ROOT / folder).rglob("*.py") for line in undeclared(path, *extras)]
    assert not wrong


def test_the_core_declares_nothing_that_the_package_does_not_import():
    used = {distribution(name) for path in FILES for name, _, extra in imports(path) if not extra}
    assert declared()[""] <= used


def test_only_storage_renames_files():
    """A file that is there is whole: one room writes beside and renames."""
    assert {where(path) for path in FILES if renames(path)} <= {"storage.py"}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A made-up package: give it files by path."""
    package = tmp_path / "vidparticles"
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", package)

    def write(files: dict[str, str]) -> list[pathlib.Path]:
        for name, text in files.items():
            (package / name).parent.mkdir(parents=True, exist_ok=True)
            (package / name).write_text(text)
        return [package / name for name in files]

    return write


def test_the_rules_see_a_breach(house):
    """The tests above can fail: a made-up file that breaks each rule."""
    text = """
import jax_md
import vidparticles.models.motion
import flask
def f():
    from vidparticles.video import read
    tf = require("tensorflow", extra="md")
from vidparticles.particles import particles
"""
    (bad,) = house({"dynamics/bad.py": text})
    assert breaches(bad) == [
        "dynamics/bad.py imports jax_md, which belongs in none",
        "dynamics/bad.py imports jax_md before a function needs it",
        "dynamics/bad.py imports jax_md, and dynamics does without",
        "dynamics/bad.py imports the room models",
        "dynamics/bad.py imports the room video",
        "dynamics/bad.py imports tensorflow, which belongs in data/tf.py",
        "dynamics/bad.py imports tensorflow, and dynamics does without",
    ]
    said = [line.split()[2].strip(",") for line in undeclared(bad)]
    assert said == ["jax_md", "flask", "tensorflow"]


def test_the_rules_see_a_circle(house):
    """Through a function's import, a folder's own names, and a whole module."""
    files = house(
        {
            "video/one.py": "def f():\n    from vidparticles.video.two import g\n",
            "video/two.py": "from vidparticles.flow import thing\n",
            "flow/__init__.py": "import vidparticles.video.one\n",
            "flow/apart.py": "from vidparticles.flow.alone import x\n",
            "flow/alone.py": "",
        }
    )
    loop = circle(arrows(files))
    assert loop[0] == loop[-1]
    assert set(loop) == {"video/one.py", "video/two.py", "flow/__init__.py"}
    assert not circle(arrows(files[3:]))


def test_files_stay_short():
    lines = {where(path): len(path.read_text().splitlines()) for path in FILES}
    assert not {name: count for name, count in lines.items() if count >= 400}


def test_what_an_import_brings_in():
    """In a fresh process: the package alone not even jax, its core none of the heavy packages."""
    code = """
import sys, vidparticles
print(*sys.modules)
import vidparticles.dynamics, vidparticles.flow.dense, vidparticles.render.splat
print(*sys.modules)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    alone, core = ({n.split(".")[0] for n in line.split()} for line in done.stdout.splitlines())
    assert not alone & {"jax", "numpy"}
    assert "jax" in core
    assert not core & {*PLACES, *LATE, "PIL", "tensorboardX"}


def test_the_names_of_distributions_are_right():
    """Of those that are installed here."""
    installed = importlib.metadata.packages_distributions()
    for name, package in DISTRIBUTIONS.items():
        if name in installed:
            found = {other.lower().replace("_", "-") for other in installed[name]}
            assert any(other.startswith(package.removesuffix("-cpu")) for other in found)
