"""`vidparticles edit`: what it says of what it wrote."""

from __future__ import annotations

import pathlib

from vidparticles import cli
from vidparticles.editing import Written
from vidparticles.editing import edit as edit_module
from vidparticles.video import probe


def test_edit_writes_what_it_says(clip, tmp_path, capsys):
    out = tmp_path / "part.mp4"
    assert cli.main(["edit", str(clip), "--trim", "0.5:1.5", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert said == f"{out}  1.00 s, 24 frames, 128 × 128, sound\n"
    info = probe(out)
    assert (info.frames, info.width, info.height) == (24, 128, 128)
    assert info.audio is not None


def test_what_is_cropped_away_is_said(clip, monkeypatch, capsys):
    made = Written(pathlib.Path("c.mp4"), 2, 1.0, 4, 4, sound=False, crop=0.914)
    monkeypatch.setattr(edit_module, "edit", lambda *args, **options: made)
    assert cli.main(["edit", str(clip), "--stabilize", "-o", "c.mp4"]) == 0
    assert capsys.readouterr().out.endswith("no sound, cropped to 91%\n")
