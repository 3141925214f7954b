"""`vidparticles prepare`: copies that are made once."""

from __future__ import annotations

from vidparticles import cli
from vidparticles.video import probe


def test_prepare_makes_copies_once(clips, tmp_path, capsys):
    words = ["prepare", str(clips), "-o", str(tmp_path / "small"), "--size", "32"]
    assert cli.main(words) == 0
    assert "18 clips made, 0 kept, 0 left out" in capsys.readouterr().out
    copies = sorted((tmp_path / "small").glob("*/*/*.mp4"))
    assert len(copies) == 18
    assert probe(copies[0]).height == 32
    assert cli.main(words) == 0
    assert "0 clips made, 18 kept" in capsys.readouterr().out
