"""`vidparticles understand`: its layout and its JSON say the same."""

from __future__ import annotations

import json

import pytest

from vidparticles import cli
from vidparticles.inference.understanding.report import Report
from vidparticles.viz.text import clock


@pytest.fixture
def no_weights(monkeypatch, tmp_path_factory):
    """As for someone who has just installed the package."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_json_and_the_layout_say_the_same_and_json_is_alone_on_stdout(
    clip, run, no_weights, tmp_path, monkeypatch, capsys
):
    words = ["understand", str(clip), "--checkpoint", str(run), "--no-objects"]
    assert cli.main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "`vidparticles weights get i3d efficientnet-lite0 silero` gets what tells it" in err
    found = json.loads(out)
    assert found["path"] == str(clip)
    trained = found["trained"]
    assert sum(trained["classes"].values()) == pytest.approx(1)
    assert trained["timeline"][0].keys() == {"label", "start", "end", "probability"}
    assert {"decode_seconds", "model_seconds", "compile_seconds"} < trained.keys()

    report = Report.from_json(out)
    monkeypatch.setattr("vidparticles.inference.understand", lambda *_, **__: report, raising=False)
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert Report.from_json((tmp_path / "a.json").read_text()) == report
    assert lines[0] == str(clip)
    assert lines[1] == "0:02.0, 128 × 128, 1 shot"
    assert sum(line.count("%") for line in lines) == 7  # six classes and one event
    assert "0:00.0 – 0:02.0" in lines[-3]
    assert lines[-1].split()[0] == "decode"
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 2  # it is there
    assert "a.json exists" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_of_another_kind_is_refused_before_any_work(option, clip, capsys):
    assert cli.main(["understand", str(clip), option, "out.mp4"]) == 2
    err = capsys.readouterr().err
    assert f"{option} is out.mp4; expected a file whose name ends in .{option[2:]}" in err
    assert cli.main(["understand", str(clip), option, f"nowhere/out.{option[2:]}"]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (7325.0, "2:02:05.0")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text
