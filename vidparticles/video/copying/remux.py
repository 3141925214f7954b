"""Moving compressed pictures from file to file untouched."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import count, islice

import av

from vidparticles.errors import InputError
from vidparticles.storage import PathLike, atomic_write
from vidparticles.video.extra_streams import tell
from vidparticles.video.extras import Extras
from vidparticles.video.files import check_output, open_input, video_stream, writing
from vidparticles.video.packets.boxes import show_only
from vidparticles.video.packets.table import FrameTable, build_table
from vidparticles.video.sound.blocks import Sound, cut
from vidparticles.video.sound.read import read_audio
from vidparticles.video.sound.streams import AacStream, aac_ready

_IN_MP4 = {"h264", "hevc", "mpeg4", "av1", "libdav1d", "vp9"}


def frame_span(
    table: FrameTable, start: Fraction | float, end: Fraction | float
) -> tuple[int, int]:
    """The frames that a trim keeps: those that begin to show at start ≤ time < end.

    Args:
        table: the table of frames.
        start, end: seconds from the first frame.

    Returns:
        (first, last + 1)

    Raises:
        InputError: no frame is kept.
    """
    near = Fraction(1, 1_000_000)  # a time typed as a decimal means the frame beside it
    times = [table.time_of(i) for i in range(len(table))]
    first = sum(t < Fraction(start) - near for t in times)
    stop = sum(t < Fraction(end) - near for t in times)
    if stop <= first:
        raise InputError(
            f"no frame shows between {float(start):g} s and {float(end):g} s; the video lasts "
            f"{float(table.duration):g} s."
        )
    return first, stop


def copy_trim(
    path: PathLike,
    out: PathLike,
    start: Fraction | float,
    end: Fraction | float,
    *,
    overwrite: bool = False,
) -> bool:
    """Cut a piece out of a video without decoding its picture, to the frame.

    The compressed frames from the last exact start on are copied as they are; an edit list
    hides those before the first kept frame and after the last. The sound is cut to the
    sample at the same exact times and encoded once.

    Args:
        path: a video.
        out: the .mp4, .m4v or .mov to write.
        start, end: seconds; kept are the frames of `frame_span`.
        overwrite: replace an existing file.

    Returns:
        True; or False, with nothing written, where the stream cannot be copied (a codec that
        mp4 files do not hold, no time stamps, another kind of file): encode it anew then.

    Raises:
        InputError: the video cannot be read, no frame is kept, or the file cannot be written.
    """
    path, out = pathlib.Path(path), check_output(out, overwrite)
    with open_input(path) as container:
        table = build_table(container, video_stream(container, path), path)
    first, stop = frame_span(table, start, end)
    begin, finish = table.time_of(first), table.time_of(stop)
    sound = read_audio(path, origin=table.origin)
    if sound is not None:
        sound = cut(sound, begin, finish)
    return _copied(path, out, table, (first, stop), sound, Extras(), overwrite)


def copy_with_sound(
    path: PathLike,
    out: PathLike,
    sound: Sound | None,
    *,
    extras: Extras | None = None,
    overwrite: bool = False,
) -> bool:
    """Write a video with another sound, without decoding its picture.

    Args:
        path: a video.
        out: the .mp4, .m4v or .mov to write.
        sound: whose sample 0 sounds with the first frame; None for none.
        extras: of the file: its tags and chapters are written too.
        overwrite: replace an existing file.

    Returns:
        True; or False, with nothing written, where it cannot be: see `copy_trim`, where the picture
        does not begin or end with the file, or there are further sounds or subtitles.

    Raises:
        InputError: the video cannot be read, or the file cannot be written.
    """
    path, out, extras = pathlib.Path(path), check_output(out, overwrite), extras or Extras()
    with open_input(path) as container:
        table = build_table(container, video_stream(container, path), path)
    if table.time_of(0) or table.hold or extras.voices or extras.subtitles:
        return False
    return _copied(path, out, table, (0, len(table)), sound, extras, overwrite)


def _copied(
    path: pathlib.Path,
    out: pathlib.Path,
    table: FrameTable,
    span: tuple[int, int],
    sound: Sound | None,
    extras: Extras,
    overwrite: bool,
) -> bool:
    """Whether frames first … stop − 1 could be copied to a file, with a sound of their length."""
    first, stop = span
    begin, finish = table.time_of(first), table.time_of(stop)
    sound = None if sound is None else aac_ready(sound)
    chosen = table.start_of(first)
    leaps = len(set((table.shown - table.pts).tolist())) > 1  # of its clock, see `packets`
    if table.counted or leaps or chosen < 0 or out.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        return False
    with open_input(path) as container:
        stream = video_stream(container, path)
        if stream.codec_context.name not in _IN_MP4:
            return False
        from_packet = int(table.start_order[chosen])
        to_packet = int(table.order[first:stop].max())
        packets = list(islice(_packets(container, stream), from_packet, to_packet + 1))
        if any(packet.pts is None for packet in packets):
            return False
        with atomic_write(out, overwrite=overwrite) as partial, writing(out):
            _copy(stream, packets, table, (first, from_packet), (sound, extras), partial)
            show_only(partial, finish - begin)
    return True


def _copy(
    stream: av.VideoStream,
    packets: list[av.Packet],
    table: FrameTable,
    begin: tuple[int, int],
    heard: tuple[Sound | None, Extras],
    partial: pathlib.Path,
) -> None:
    """Copy packets so that the first kept frame shows at 0.

    Args:
        stream: where they come from.
        packets: all with time stamps, in the order of decoding.
        table: the table of the file's frames.
        begin: the first kept frame, and the index of packets[0] in the order of decoding.
        heard: the sound of what is kept, and what goes along with it.
        partial: the file to write.
    """
    (first, from_packet), (sound, extras) = begin, heard
    kind = "mov" if partial.suffix.lower() == ".mov" else "mp4"
    zero = int(table.pts[first])
    options = {"movflags": "+faststart"}
    pts = [packet.pts for packet in packets if packet.pts is not None]
    dts = _decoding_times(packets, pts)
    exact = set(table.start_order.tolist())
    with av.open(str(partial), "w", format=kind, options=options) as output:
        copied = output.add_stream_from_template(stream, opaque=True)
        voice = AacStream(output, sound) if sound is not None else None
        if voice is not None and extras.language:
            voice.stream.metadata["language"] = extras.language
        tell(output, extras)
        for order, packet, shown, decoded in zip(
            count(from_packet), packets, pts, dts, strict=False
        ):
            # A reader would begin at what is flagged, even where that does not decode.
            packet.is_keyframe = order in exact
            packet.pts, packet.dts = shown - zero, decoded - zero
            if voice is not None:
                output.mux([*voice.encode(until=(decoded - zero) * table.time_base)])
            packet.stream = copied
            output.mux(packet)
        if voice is not None:
            output.mux([*voice.finish()])


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    return (packet for packet in container.demux(stream) if packet.size)


def _decoding_times(packets: list[av.Packet], pts: list[int]) -> list[int]:
    """The packets' decoding times; made up from the order of showing where some are not stored."""
    known = [packet.dts for packet in packets if packet.dts is not None]
    if len(known) == len(packets):
        return known
    delay = max(at - own for at, own in zip(sorted(pts), pts, strict=True))
    return [at - delay for at in sorted(pts)]
