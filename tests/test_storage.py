"""Files that are whole or not there, whatever stops their writer."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from vidparticles import storage
from vidparticles.errors import InputError


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


@pytest.mark.parametrize("links", [True, False])
def test_what_has_appeared_meanwhile_is_not_replaced(tmp_path, monkeypatch, links):
    path = tmp_path / "clip.mp4"
    if not links:

        def none(*_):
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr("os.link", none)

    def write(overwrite):
        with storage.atomic_write(path, overwrite=overwrite) as partial:
            partial.write_bytes(b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(InputError, match="meanwhile" if links else "could not be written"):
        write(overwrite=False)
    assert path.read_bytes() == b"theirs"
    path.unlink()
    storage.write_bytes(path, b"ours", overwrite=False)
    assert path.read_bytes() == b"ours"
    write(overwrite=True)
    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_in_is_a_sentence(tmp_path, monkeypatch):
    """Not even what would tidy up may say otherwise."""

    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("os.open", read_only)
    with pytest.raises(InputError, match=r"note\.txt could not be written \(Read-only file"):
        storage.write_text(tmp_path / "note.txt", "text")


def test_after_the_end_nothing_takes_its_place(tmp_path):
    """As in a process that is about to be ended by a thread of its own."""
    code = """
import pathlib, sys, threading
from vidparticles import storage
folder = pathlib.Path(sys.argv[1])
storage.write_text(folder / "first.txt", "whole")
with storage.atomic_write(folder / "second.txt") as partial:
    partial.write_text("half")
    ender = threading.Thread(target=lambda: print(*storage.abandon(), *folder.iterdir()))
    ender.start()
    ender.join()
    threading.Timer(0.5, lambda: storage.os._exit(0)).start()
print("never")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() in ([str(tmp_path / "first.txt")] * 2, [])
    assert [p.name for p in tmp_path.iterdir()] == ["first.txt"]
