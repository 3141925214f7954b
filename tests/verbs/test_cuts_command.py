"""`vidparticles cuts`: the shots of a clip, and the frames that they are."""

from __future__ import annotations

import json

import numpy as np

from vidparticles import cli
from vidparticles.video import open_video


def test_shots_are_listed(clip, tmp_path, capsys):
    dark, both = tmp_path / "dark.mp4", tmp_path / "both.mp4"
    assert cli.main(["edit", str(clip), "--recolor", "brightness=-1", "-o", str(dark)]) == 0
    assert cli.main(["splice", str(clip), str(dark), str(clip), "-o", str(both)]) == 0
    capsys.readouterr()
    assert cli.main(["cuts", str(both)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{both}  0:06.0, 3 shots"
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert "0:02.0 – 0:04.0" in lines[3]
    assert [line.endswith("cut") for line in lines[2:]] == [False, True, True]
    span = next(word for word in lines[3].split() if word.endswith("f"))
    shot = tmp_path / "shot.mp4"
    assert cli.main(["edit", str(both), "--trim", span, "-o", str(shot)]) == 0
    capsys.readouterr()
    with open_video(both) as whole, open_video(shot) as part:
        assert len(part) == 48
        apart = np.abs(part.frames([0, 47]).astype(int) - whole.frames([48, 95]))
    assert apart.mean() < 2
    assert cli.main(["cuts", str(both), "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err
    seen = json.loads(out)
    assert seen.keys() == {"path", "seconds", "shots", "warnings"}
    assert [(s["begins"], s["first"], s["last"]) for s in seen["shots"]] == [
        ("", 0, 47),
        ("cut", 48, 95),
        ("cut", 96, 143),
    ]
