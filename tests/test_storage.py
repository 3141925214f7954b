"""Files that are whole or not there, and one room that writes them so."""

from __future__ import annotations

import ast
import errno
import pathlib

import pytest

from vidparticles import storage
from vidparticles.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
RENAMES = {"replace", "rename", "renames"}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", [None, b"dear"])
def test_what_fails_leaves_what_was_and_keeps_its_words(tmp_path, failure, before):
    path = tmp_path / "file.bin"
    if before is not None:
        path.write_bytes(before)

    def write():
        with storage.atomic_write(path) as partial:
            partial.write_bytes(b"half of it")
            assert partial.suffix == path.suffix
            raise failure("midway")

    with pytest.raises(failure, match="midway"):
        write()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "note.txt"
    storage.write_text(path, "one\n")
    with storage.atomic_write(path) as partial:
        partial.write_text("two ẞ", encoding="utf-8")
        assert path.read_text() == "one\n"
        hidden = [p.name for p in tmp_path.iterdir() if p != path]
        assert len(hidden) == 1
        assert hidden[0].startswith(".")
    assert path.read_text(encoding="utf-8") == "two ẞ"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_at_the_last_moment_is_a_sentence(tmp_path, monkeypatch, code):
    def full(*_):
        raise OSError(code, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match=r"note\.txt: the disk is full \(No space left on dev"):
        storage.write_text(tmp_path / "note.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_another_library_are_named(tmp_path):
    class CodecError(Exception):
        pass

    def write(*kinds):
        with storage.write_errors(tmp_path / "clip.mp4", *kinds):
            raise CodecError("no encoder.")

    with pytest.raises(InputError, match=r"could not be written \(no encoder\)"):
        write(CodecError)
    with pytest.raises(CodecError):
        write()


def renames(source: str) -> list[int]:
    """Lines that rename a file: os.replace and its like, or those of a Path.

    A string's `replace` takes two words or more, a Path's one; `dataclasses.replace` and the
    like are functions of a module other than os and shutil.
    """
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        if module in ("os", "shutil"):
            found = node.func.attr in RENAMES | {"move"}
        else:
            found = node.func.attr == "rename" or (
                node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
            )
        if found:
            lines.append(node.lineno)
    return lines


def test_only_storage_renames_files():
    assert renames("os.replace(a, b)\np.replace(q)\np.rename(q)\nshutil.move(a, b)") == [1, 2, 3, 4]
    assert renames("s.replace('a', 'b')\ndataclasses.replace(x, y=1)\nreel.replace(x=2)") == []
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("vidparticles", "experiments")
        for path in (ROOT / folder).rglob("*.py")
        if renames(path.read_text(encoding="utf-8"))
    }
    assert found == {"vidparticles/storage.py"}
