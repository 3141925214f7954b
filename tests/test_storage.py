"""Files that are whole or not there, whatever stops their writer."""

from __future__ import annotations

import errno

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
