"""Parts of files that are copied but for the frames at the cuts: every frame is the right one."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from vidparticles.video import Sound, open_video
from vidparticles.video.copying import Part, copy_parts

# With B-frames: closed groups, uneven times, recovery points for starts, no groups but one.
KINDS = ["plain.mp4", "variable.mp4", "open_gop.mp4", "refresh.mp4"]
COUNT = 60


@st.composite
def spans(draw):
    pairs = st.tuples(st.integers(0, COUNT - 1), st.integers(1, COUNT))
    chosen = draw(st.lists(pairs, min_size=1, max_size=4))
    return [(min(a, b - 1), max(a + 1, b)) for a, b in chosen]


def placed(video, parts):
    """When each frame of the parts shows, and when the last ceases to."""
    times, begun = [], 0
    for first, last in parts:
        start = video.table.time_of(first)
        times += [begun + video.table.time_of(k) - start for k in range(first, last)]
        begun += video.table.time_of(last) - start
    return times, begun


@settings(max_examples=10)
@given(spans(), st.sampled_from(KINDS))
@example([(0, 27)], "variable.mp4")
def test_every_frame_of_random_spans_is_the_one_that_was_asked_for(
    made, linear_decode, tmp_path_factory, parts, name
):
    out = tmp_path_factory.mktemp("copied") / "out.mp4"
    with open_video(made(name)) as video:
        every = np.stack([frame for _, frame in video])
        times, duration = placed(video, parts)
        given_parts = [Part(video, *part) for part in parts]
        done = copy_parts(given_parts, out, times=times, duration=duration)
        if done is None:  # nothing could be copied, and nothing was written
            assert list(out.parent.iterdir()) == []
            return
    share, _ = done
    wanted = [k for first, last in parts for k in range(first, last)]
    with open_video(out) as copy:
        got = np.stack([frame for _, frame in copy])
        assert len(got) == len(wanted)
        tick = 1 / 90000
        np.testing.assert_allclose(copy.times, np.array(times, float), atol=tick)
        # How long the last frame shows is read off decoding times, which in uneven clips have
        # other gaps than the times at which frames show.
        gaps = [b - a for a, b in itertools.pairwise(times)] or [0]
        near = 2e-3 + float(max(gaps) - min(gaps)) * (name == "variable.mp4")
        assert float(copy.table.duration) == pytest.approx(float(duration), abs=near)
        sample = len(wanted) // 2  # reached by seeking
        np.testing.assert_array_equal(copy[sample], got[sample])
    # Neighbors differ by far more than a new encoding changes.
    apart = np.abs(got[:, None].astype(np.float32) - every[None, :: COUNT // 12]).mean((2, 3, 4))
    assert apart.shape[0] == len(wanted)
    changed = np.abs(got.astype(np.float32) - every[wanted]).mean((1, 2, 3))
    assert changed.max() < 6
    assert np.mean(changed == 0) == pytest.approx(share, abs=1e-9)
    plain = linear_decode(out)  # any reader sees the same
    np.testing.assert_array_equal(np.stack(list(plain.values())), got)


def test_neighbors_of_the_scene_differ_more_than_a_new_encoding_changes(made):
    with open_video(made("plain.mp4")) as video:
        every = np.stack([frame for _, frame in video]).astype(np.float32)
    least = min(np.abs(one - other).mean() for one, other in itertools.combinations(every[::7], 2))
    assert min(np.abs(np.diff(every, axis=0)).mean((1, 2, 3)).min(), least) > 8


def test_a_cut_at_whole_groups_encodes_nothing_and_keeps_sound_and_tags(encode, tmp_path):
    from fractions import Fraction

    from vidparticles.video.extras import Extras, Span, Subtitles

    source = encode(tmp_path / "a.mp4", options={"g": "12"}, rotation=90)
    tone = np.sin(np.arange(48000) / 20).astype(np.float32)[:, None] / 3
    cue = Subtitles((Span(Fraction(0), Fraction(1, 2), "words"),), "eng")
    with open_video(source) as video:
        times = [Fraction(k, 30) for k in range(24)]
        done = copy_parts(
            [Part(video, 36, 48), Part(video, 12, 24)],
            tmp_path / "b.mp4",
            times=times,
            duration=Fraction(24, 30),
            rate=Fraction(30),
            audio=Sound.of(tone, 48000),
            extras=Extras(subtitles=(cue,), metadata={"title": "two parts"}),
        )
        assert done == (1.0, ())
        wanted = video.frames([*range(36, 48), *range(12, 24)])
    with open_video(tmp_path / "b.mp4") as copy:
        np.testing.assert_array_equal(copy.frames(range(24)), wanted)
        extras = copy.extras()
        assert (copy.info.rotation, extras.metadata["title"]) == (90, "two parts")
        assert extras.subtitles[0].cues[0].text == "words"
        assert copy.audio().duration >= Fraction(24, 30)


def test_what_is_stored_in_two_ways_is_not_copied(made, encode, tmp_path):
    other = encode(tmp_path / "c.mp4", options={"g": "12", "x264-params": "ref=1:bframes=0"})
    out = tmp_path / "out.mp4"
    with open_video(made("plain.mp4")) as one, open_video(other) as two:
        parts = [Part(one, 0, 24), Part(two, 0, 24)]
        times, duration = placed(one, [(0, 48)])
        assert copy_parts(parts, out, times=times, duration=duration) is None
        mkv = tmp_path / "out.mkv"
        assert copy_parts(parts[:1], mkv, times=times[:24], duration=duration / 2) is None
    assert [path.name for path in tmp_path.iterdir()] == ["c.mp4"]
