"""What is found by a clip and by words, what is recommended, and what the commands say."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from tests import browser
from tests.inference.searching.conftest import pan
from vidparticles import cli, weights
from vidparticles.errors import InputError
from vidparticles.inference import recommend, search
from vidparticles.inference.searching import find, index
from vidparticles.inference.understanding.networks import Networks
from vidparticles.video import write_video
from vidparticles.viz.found import list_found


def _names(found):
    return [hit.path.name for hit in found.hits]


def _words(folder, tmp_path):
    like = ["--like", str(folder / "red.mp4")]
    return ["search", str(folder), *like, "--index", str(tmp_path / "index")]


def test_a_clip_finds_its_like_and_not_itself(folder, networks, tmp_path):
    found = search(folder, like=folder / "red.mp4", index=tmp_path / "index")
    assert _names(found)[0] == "red2.mp4"
    assert "red.mp4" not in _names(found)
    assert found.clips == 6
    assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)
    elsewhere = shutil.copy(folder / "red.mp4", tmp_path / "elsewhere.mp4")
    again = search(folder, like=elsewhere, count=1, index=tmp_path / "index")
    assert _names(again) == ["red.mp4"]
    assert again.hits[0].score == pytest.approx(1, abs=1e-3)
    assert again.made == 0


def test_words_find_what_the_labels_mean_and_when(folder, networks, tmp_path):
    red, blue = (
        np.full((30, 48, 64, 3), color, np.uint8) for color in ((230, 30, 30), (9, 9, 240))
    )
    write_video(folder / "both.mp4", np.concatenate([red, blue]), rate=10)
    found = search(folder, text="blue", count=3, index=tmp_path / "index")
    assert set(_names(found)) == {"blue.mp4", "blue2.mp4", "both.mp4"}
    moment = search(folder, text="blue", at=True, count=9, index=tmp_path / "index")
    hit = next(h for h in moment.hits if h.path.name == "both.mp4")
    assert hit.start >= 2.9
    assert hit.end <= 6.1


def test_a_line_of_subtitles_is_found_at_its_time(folder, networks, tmp_path):
    (folder / "green.srt").write_text(
        "1\n00:00:00,200 --> 00:00:00,500\nHello.\n\n"
        "2\n00:00:00,600 --> 00:00:00,900\nThey fight.\n"
    )
    hit = search(folder, text="fight", count=1, index=tmp_path / "index").hits[0]
    assert (hit.path.name, hit.says) == ("green.mp4", "They fight.")
    assert (hit.start, hit.end) == pytest.approx((0.6, 0.9), abs=0.01)


def test_what_the_camera_does_is_found_at_its_time(folder, networks, tmp_path):
    pan(folder / "a.mp4", 2)
    pan(folder / "b.mp4", -2)
    for way, name in (("left", "b.mp4"), ("right", "a.mp4")):
        found = search(folder, text=way, count=1, at=True, index=tmp_path / "index")
        (hit,) = found.hits
        assert (hit.path.name, hit.moves) == (name, f"the camera pans {way}")
        assert hit.start <= 0.2
        assert hit.end >= 1.7
        assert f"the camera pans {way}; " in list_found(found)
        assert "who moves where is not searched" in found.warnings[0]


def test_an_index_of_before_is_told_to_be_made_again(folder, networks, tmp_path, monkeypatch):
    kept = tmp_path / "index"
    search(folder, text="red", index=kept)
    monkeypatch.setattr(index, "VERSION", 99)
    assert search(folder, text="red", index=kept).warnings[-1].startswith("6 clips were looked at")
    assert "again" not in " ".join(search(folder, text="red", index=kept).warnings)


def test_what_is_recommended_is_new_and_not_all_alike(folder, networks, tmp_path):
    shutil.copy(folder / "red.mp4", folder / "copy.mp4")
    history = [folder / "red.mp4", folder / "blue.mp4"]
    found = recommend(folder, history=history, count=9, balance=1, index=tmp_path / "index")
    assert set(_names(found)) == {"red2.mp4", "blue2.mp4", "green.mp4", "green2.mp4"}
    assert set(_names(found)[:2]) == {"red2.mp4", "blue2.mp4"}
    for k in range(4):  # many that are alike
        shutil.copy(folder / "more" / "red2.mp4", folder / f"alike{k}.mp4")
        with (folder / f"alike{k}.mp4").open("ab") as file:
            file.write(b"\0\0\0\x08free" * (k + 1))
    alone = recommend(folder, history=history[:1], count=3, balance=1, index=tmp_path / "index")
    mixed = recommend(folder, history=history[:1], count=3, balance=0.3, index=tmp_path / "index")
    colors = [{re.match("[a-z]+", n)[0] for n in _names(f)} for f in (alone, mixed)]
    assert colors[0] <= {"alike", "red"}
    assert len(colors[1]) > 1


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "give one of them"),
        ({"like": "a.mp4", "text": "b"}, "give one of them"),
        ({"text": " \n"}, "the text is empty"),
        ({"text": "red", "count": 0}, "1 or more"),
        ({"like": "nowhere.mp4"}, "nowhere.mp4"),
    ],
)
def test_mistakes_are_sentences(how, told, folder, networks, tmp_path):
    with pytest.raises(InputError, match=told):
        search(folder, index=tmp_path / "index", **how)


def test_without_networks_a_sentence_says_what_gets_them_and_what_is_left(
    folder, networks, tmp_path, monkeypatch
):
    monkeypatch.setattr(find, "lookers", dict)
    with pytest.raises(InputError, match=r"weights get i3d efficientnet-lite0`.*--text"):
        search(folder, like=folder / "red.mp4", index=tmp_path / "index")
    monkeypatch.setattr(find, "lookers", lambda: {"i3d": "a"})
    found = search(folder, text="red", index=tmp_path / "index")
    assert "without efficientnet-lite0" in found.warnings[0]


def test_without_the_network_of_texts_a_sentence_says_what_gets_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"`vidparticles weights get minilm`; --like"):
        find._words(None)


# ---------------------------------------------------------------- the commands


def test_the_command_says_what_was_found_and_that_a_file_was_not_read(
    folder, networks, tmp_path, capsys
):
    (folder / "broken.mp4").write_bytes(b"no video")
    words = [
        "search",
        str(folder),
        "--like",
        str(folder / "red.mp4"),
        "--index",
        str(tmp_path / "i"),
    ]
    assert cli.main(words) == 1
    out, err = capsys.readouterr()
    assert "6 clips" in out.splitlines()[0]
    assert "more/red2.mp4" in out.splitlines()[2]
    assert err.count("\n") == 1
    assert "broken.mp4" in err
    (folder / "broken.mp4").unlink()
    assert cli.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hits"][0]["path"].endswith("red2.mp4")
    assert cli.main(["recommend", str(folder), "--history", *words[3:], "--json"]) == 0
    assert cli.main(["search", str(folder)]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_the_page_holds_a_picture_of_each_and_nothing_from_elsewhere(
    folder, networks, tmp_path, capsys
):
    page = tmp_path / "found.html"
    words = [
        "search",
        str(folder),
        "--like",
        str(folder / "red.mp4"),
        "--index",
        str(tmp_path / "i"),
    ]
    assert cli.main([*words, "--html", str(page)]) == 0
    text = page.read_text()
    assert text.count("<img") == 5
    assert text.count("data:image/jpeg") == 5
    assert "http" not in text
    assert cli.main([*words, "--html", str(page)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*words, "--html", str(page), "--overwrite"]) == 0
    assert cli.main([*words, "--html", str(tmp_path / "found.png")]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_needs_no_scrolling_sideways(width, folder, networks, tmp_path):
    from vidparticles.viz.found import write_sheet

    (folder / "more" / "red2.mp4").rename(folder / ("a name that is long" * 8 + ".mp4"))
    found = search(folder, like=folder / "red.mp4", index=tmp_path / "index")
    seen = browser.look(write_sheet(found, tmp_path / "found.html"), width=width)
    assert not seen.console
    assert len(seen.media) == 5
    assert all(m["width"] for m in seen.media)
    assert seen.wide <= max(width, 500)


@pytest.mark.slow
def test_any_text_is_a_result(folder, networks, tmp_path, monkeypatch):
    if weights.status("minilm").state != "there":
        pytest.skip("`vidparticles weights get minilm` first")
    monkeypatch.undo()
    (folder / "green.srt").write_text("1\n00:00:00,200 --> 00:00:00,500\nThey fight.\n")
    monkeypatch.setattr(find, "lookers", dict)
    monkeypatch.setattr(index, "networks", lambda size, names: Networks())
    kept = tmp_path / "index"
    for text in ("a", "y" * 10_000, "two people " * 900, "两个人在打架", "!?"):
        found = search(folder, text=text, index=kept)
        assert len(found.hits) == 1, text
        told = " ".join(found.warnings)
        assert ("a guess" in told) == (text == "两个人在打架")
        assert ("are read" in told) == (len(text) > 100)


def test_a_mirrored_copy_is_told_from_clips_of_the_same_colors(tmp_path, networks):
    """Networks that know colors alone cannot: it is the layout, as it is or mirrored, that does."""
    rng = np.random.default_rng(4)
    left = np.zeros((32, 64, 64, 3), np.uint8)
    left[:, 8:24, 4:20] = (220, 40, 40)
    right = np.zeros_like(left)
    right[:, 40:60, 30:46] = (220, 40, 40)
    library = tmp_path / "library"
    library.mkdir()
    for name, frames in (("left", left), ("right", right)):
        write_video(library / f"{name}.mp4", frames, rate=12.5)
    noisy = left[:, :, ::-1].astype(int) + rng.integers(-20, 20, left.shape)
    write_video(tmp_path / "copy.mp4", np.clip(noisy, 0, 255).astype(np.uint8), rate=12.5)
    for at in (False, True):
        told = find.search(library, like=tmp_path / "copy.mp4", at=at, index=tmp_path / "index")
        assert told.hits[0].path.stem == "left"
        assert told.hits[0].score > 0.999 > told.hits[1].score
