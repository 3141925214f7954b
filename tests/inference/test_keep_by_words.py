"""Parts kept by words: which names mean them, where these are, and what is said where none is."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import cli
from vidparticles.editing.selection import SelectionConfig, Signals, choose
from vidparticles.editing.selection.choose import happenings
from vidparticles.errors import InputError
from vidparticles.inference.highlights import asked, highlights
from vidparticles.inference.highlights.meaning import Names, meant, spelled, terms
from vidparticles.inference.searching.entry import TOP, Entry
from vidparticles.inference.searching.index import Index
from vidparticles.inference.searching.words import Words
from vidparticles.models.published.parts import labels
from vidparticles.video import footage, probe, write_video

STEP = 0.125
DOG, TENNIS, COLLIE, RACKET = "training dog", "playing tennis", "collie", "racket"
# Where texts lie along dogs, tennis and cats; what is left lies where no other text does.
PLACES = {
    "dog": (1, 0, 0),
    "puppy": (0.9, 0, 0),
    "cat": (0.7, 0, 0.714),
    DOG: (0.65, 0, 0),
    COLLIE: (0.6, 0, 0),
    "tiger cat": (0.55, 0, 0.7),
    TENNIS: (0, 1, 0),
    "tennis": (0, 0.9, 0),
    RACKET: (0, 0.6, 0),
    "tennis racket": (0, 0.85, 0),
    "playing badminton": (0, 0.62, 0),
}


def embed(texts) -> np.ndarray:
    """[N, 384] of length one."""
    rows = np.zeros((len(texts), 384), np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[:3] = PLACES.get(text, (0, 0, 0))
        rest = np.random.default_rng(zlib.crc32(text.encode())).normal(size=381)
        row[3:] = rest / np.linalg.norm(rest) * max(0, 1 - row @ row) ** 0.5
    return rows


def of(names) -> Names:
    return Names(names, embed(names))


# ---------------------------------------------------------------- what words mean


@pytest.mark.parametrize(
    ("term", "own", "kind"),
    [
        ("dog", {DOG, COLLIE}, {"dog"}),  # a cat is nearer to a cat
        ("A DOG", {DOG}, {"dog"}),  # which lies nowhere here: by its letters
        ("puppy", {DOG, COLLIE}, {"dog"}),
        (TENNIS, {TENNIS, RACKET}, set()),  # badminton is another label
        ("tennis", {TENNIS, "playing badminton", RACKET}, {"tennis racket"}),
        ("racket", {RACKET, TENNIS}, set()),
        ("cat", {"tiger cat"}, {"cat"}),
        ("chess", set(), set()),
    ],
)
def test_which_names_mean_a_text(term, own, kind):
    sets = [of([DOG, TENNIS, "playing badminton"]), of([COLLIE, "tiger cat", RACKET])]
    kinds = of(["dog", "cat", "hot dog", "tennis racket"])
    found, of_kinds = meant(term, embed([term])[0], sets, kinds)
    told = {n for s, mask in zip(sets, found, strict=True) for n in np.array(s.names)[mask]}
    assert told == own
    assert {*np.array(kinds.names)[of_kinds]} == kind


def test_without_what_knows_texts_letters_decide():
    sets = [Names([DOG, "hot dog stand"]), Names([COLLIE])]
    found, kinds = meant("dogs", None, sets, Names(["dog", "hot dog"]))
    assert [mask.tolist() for mask in found] == [[True, True], [False]]
    assert kinds.tolist() == [True, False]


WORD = st.text("abcdefgxyz", min_size=2, max_size=6)  # never "mm", which is another name's


@given(st.lists(WORD, min_size=1, max_size=4, unique=True), st.randoms(), st.lists(WORD))
@settings(deadline=None)
def test_order_case_articles_and_what_else_a_name_says_do_not_count(words, rng, others):
    mixed = [*words]
    rng.shuffle(mixed)
    name = " ".join([*mixed, *(f"{word}q" for word in others), "mm"]).upper()
    assert spelled("the " + " ".join(words), [name, "mm"]).tolist() == [True, False]


@pytest.mark.parametrize("text", ["", " | ", "|"])
def test_no_words_are_a_sentence(text):
    with pytest.raises(InputError, match="no words"):
        terms(text)


# ---------------------------------------------------------------- which parts are kept


@st.composite
def clips(draw) -> Signals:
    count = draw(st.integers(2, 100))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def runs(number: int) -> np.ndarray:
        mask = np.zeros(count, bool)
        for first, length in rng.integers(0, [[count], [20]], (2, number)).T:
            mask[first : first + length] = True
        return mask

    zero = np.zeros(count)
    speech = runs(rng.integers(0, 3))
    cuts = np.sort(rng.uniform(0.1, count * STEP - 0.1, rng.integers(0, 5)))
    return Signals(
        STEP,
        count * STEP,
        motion=zero,
        novelty=zero,
        loudness=np.where(speech, -20.0, -120.0),
        speech=speech.astype(float),
        black=zero > 0,
        frozen=zero > 0,
        duplicate=zero > 0,
        look=rng.uniform(size=(count, 3)),
        wanted={"it": runs(rng.integers(1, 4))},
        cuts=tuple(cuts.tolist()),
    )


@given(clips(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_what_is_asked_for_is_kept_and_no_margin_goes_over_a_cut(signals, margin, shortest):
    config = SelectionConfig(frozenset(), margin=margin, shortest=shortest)
    parts = choose(signals, config)
    assert signals.wanted is not None
    there, speaks = signals.wanted["it"], happenings(signals, config)["speech"]
    middles = (np.arange(len(there)) + 0.5) * STEP
    kept = np.zeros(len(there), bool)
    for part in parts:
        inside = (middles >= part.start) & (middles < part.end)
        kept |= inside
        assert there[inside].any()
        # In each shot that a part touches is what was asked for, or speech that goes on.
        edges = [part.start, *(c for c in signals.cuts if part.start < c < part.end), part.end]
        for a, b in itertools.pairwise(edges):
            shot = (middles >= a) & (middles < b)
            assert not shot.any() or (there | speaks)[shot].any()
    lost = there & ~kept
    if lost.any():  # for too short a time, and unheard
        firsts = np.flatnonzero(np.diff(np.r_[0, lost, 0]) == 1)
        stops = np.flatnonzero(np.diff(np.r_[0, lost, 0]) == -1)
        assert ((stops - firsts) * STEP < shortest).all()


def test_a_part_ends_with_the_cut_itself():
    there = np.zeros(80, bool)
    there[16:31] = True  # the cut is at 3.93 s, and the step from 3.875 s is of the next shot
    zero = np.zeros(80)
    no = zero > 0
    signals = Signals(STEP, 10, zero, zero, zero - 120, zero, no, no, no, zero[:, None], True)
    signals = Signals(**{**vars(signals), "wanted": {"it": there}, "cuts": (2.0, 3.93)})
    (part,) = choose(signals, SelectionConfig(frozenset()))
    assert (part.start, part.end, part.why) == (2.0, 3.93, "it")


# ---------------------------------------------------------------- a clip


def film() -> np.ndarray:
    """Two shots of 3 s of different textures, that move."""
    rng = np.random.default_rng(0)
    wide = rng.integers(20, 230, (2, 8, 40, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    return np.stack([wide[k // 30][:, 2 * k : 2 * k + 96] for k in range(60)])


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """Of two shots, in a world without weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_video(tmp_path / "clip.mp4", film(), rate=10)
    return tmp_path / "clip.mp4"


@pytest.fixture
def seen(monkeypatch):
    """Networks that see a dog in the first shot and tennis in the second."""
    numbers = np.full((3, 2, TOP), -1)
    shares = np.zeros((3, 2, TOP), np.float32)
    sets = [labels.read("kinetics400"), labels.read("imagenet")]
    told = [(DOG, 0.9, COLLIE, 0.3), (DOG, 0.2, COLLIE, 0.05), (TENNIS, 0.8, RACKET, 0.4)]
    for m, row in enumerate(told):
        for k in range(2):
            numbers[m, k, 0], shares[m, k, 0] = sets[k].index(row[2 * k]), row[2 * k + 1]
    starts, ends = np.array([0.0, 1.5, 3.0]), np.array([2.5, 3.0, 6.0])
    entry = Entry(
        6.0, starts, ends, np.ones((3, 1), np.float32), np.zeros((3, 64)), numbers, shares
    )
    known = Words(embed, tuple(embed(names) for names in sets))
    monkeypatch.setattr(
        asked, "build", lambda paths, words: Index((paths[0],), (entry,), ("",), made=1)
    )
    monkeypatch.setattr(asked, "_reader", lambda: (known, []))
    monkeypatch.setattr(asked, "lookers", lambda: {"i3d": "", "efficientnet-lite0": ""})


@pytest.mark.parametrize(
    ("words", "span", "why"),
    [
        ("dog", (0, 3), "training dog"),
        ("puppy", (0, 3), "training dog"),
        ("playing tennis", (3, 6), "playing tennis"),
        ("racket", (3, 6), "playing tennis"),  # which has a racket, but is the likelier label
        ("chess|racket", (3, 6), "playing tennis"),
        ("racket|dog", (0, 6), "training dog"),
    ],
)
def test_parts_are_the_shots_in_which_it_is(words, span, why, clip, seen):
    (part,) = highlights(clip, keep=words).parts
    assert (part.start, part.end) == span
    assert why in part.why


def test_the_command_keeps_it_and_tells_what_there_is_instead(clip, seen, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = ["edit", str(clip), "--progress", "none", "--keep"]
    assert cli.main([*words, "dog", "-o", str(out)]) == 0
    assert "training dog" in capsys.readouterr().out
    assert probe(out).frames == 30
    assert cli.main([*words, "dog", "--dry-run"]) == 0
    assert "0:03.000\n" in capsys.readouterr().out  # the part, not the clip
    assert cli.main([*words, "chess", "-o", str(tmp_path / "none.mp4")]) == 2
    told = capsys.readouterr().err
    assert "nothing in it is chess" in told
    assert DOG in told
    assert TENNIS in told
    assert told.count("\n") == 1
    assert not (tmp_path / "none.mp4").exists()


def test_lines_of_subtitles_are_found_without_any_network(clip, capsys):
    clip.with_suffix(".srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n"
        "2\n00:00:04,000 --> 00:00:05,000\nThey fight here.\n"
    )
    found = highlights(clip, keep="a fight")
    assert [(part.start, part.end) for part in found.parts] == [(3.75, 5.25)]
    assert "They fight here." in found.parts[0].why
    assert any("weights get" in sentence for sentence in found.warnings)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--keep dog", "weights get i3d efficientnet-lite0 nanodet minilm"),
        ("--keep |", "no words"),
        ("--checkpoint W", "--checkpoint is of --keep"),
        ("--keep dog --trim 1:2", "exclude each other"),
        ("--keep dog --checkpoint nowhere", "nowhere"),
    ],
)
def test_what_cannot_be_kept_is_a_sentence(words, says, clip, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert cli.main(["edit", str(clip), *words.split(), "-o", str(out), "--progress", "none"]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert not out.exists()


def test_what_happens_can_be_named(tmp_path):
    found = highlights(footage.path("chaplin"), keep="motion")
    assert [(part.start, part.end, part.why) for part in found.parts] == [(0.0, 5.0, "motion")]


def test_classes_of_a_training_run_can_be_named(clip, run, seen):
    names = {event.label for event in asked.classify(clip, run).timeline}
    (name, *_) = names
    found = highlights(clip, keep=name, checkpoint=run)
    assert name in found.parts[0].why
