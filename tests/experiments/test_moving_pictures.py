"""Pictures that training needs: brought where they are as they were, and named where not."""

from __future__ import annotations

import csv
import hashlib

import pytest

from experiments import moving_pictures


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Three pictures of a list: one as it was, one that changed, one that is gone."""
    root = tmp_path / "source" / "somebody" / "photos" / "HEAD" / "some where"
    root.mkdir(parents=True)
    rows = []
    for name, known, there in (("a", b"one", b"one"), ("b", b"two", b"2"), ("c", b"three", None)):
        if there is not None:
            (root / f"{name}.jpg").write_bytes(there)
        row = {"file": f"{name}.jpg", "repository": "github.com/somebody/photos"}
        row |= {"path": f"some where/{name}.jpg", "licence": "CC0-1.0"}
        rows.append({**row, "sha256": hashlib.sha256(known).hexdigest()})
    with (tmp_path / "list.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.setattr(moving_pictures, "LIST", tmp_path / "list.csv")
    return root


def test_a_picture_that_changed_or_is_gone_is_named_and_not_kept(source, tmp_path):
    folder, address = tmp_path / "pictures", (tmp_path / "source").as_uri()
    changed, gone = moving_pictures.fetch(folder, address)
    assert (
        changed == f"{address}/somebody/photos/HEAD/some%20where/b.jpg is another picture by "
        "now; it was left out."
    )
    assert "c.jpg cannot be had (No such file" in gone
    assert [p.name for p in folder.iterdir()] == ["a.jpg"]
    (source / "a.jpg").unlink()  # what is there already is not asked for again
    (source / "b.jpg").write_bytes(b"two")
    (source / "c.jpg").write_bytes(b"three")
    assert moving_pictures.fetch(folder, address) == []
    assert (folder / "c.jpg").read_bytes() == b"three"


def test_the_command_ends_with_a_sentence(source, tmp_path, monkeypatch):
    address = (tmp_path / "source").as_uri()
    arguments = ["moving_pictures", str(tmp_path / "pictures"), "--source", address]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit, match=r"error: some pictures are missing\.\n.*another picture"):
        moving_pictures.main()


def test_those_of_the_list_have_a_licence_and_stand_once():
    with moving_pictures.LIST.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["file"] for row in rows}) == len({row["sha256"] for row in rows}) == len(rows)
    assert all(row["licence"] and len(row["sha256"]) == 64 for row in rows)
