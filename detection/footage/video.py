"""Video files through PyAV: what they hold, and their frames at the times that are wanted.

What can be known cheaply is checked on opening (a recording whose end is missing is the most
common damage: card pulled, copy stopped), so that an analysis does not fail at its end. The rest
shows while decoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from detection.errors import FootageError

__all__ = ["VIDEO_SUFFIXES", "Frame", "Video", "find_subtitle", "open_video"]

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".avi", ".m4v", ".ts"})
_COPY_AGAIN = "copy it again from the card"
# Frames may stop this much before the stated duration (rounding, a last frame held longer).
_EARLY_S = 1.0


@dataclass(frozen=True, slots=True)
class Video:
    """One video file. `frames` is the stated or estimated count, `duration_s` the stated time."""

    path: Path
    width_px: int
    height_px: int
    fps: float
    frames: int
    duration_s: float
    codec: str

    def decode(
        self,
        times_s: Sequence[float] | None = None,
        *,
        skip_unreferenced: bool = False,
        allow_partial: bool = False,
    ) -> Iterator[Frame]:
        """Frames in presentation order: all, or for each of the ascending `times_s` the frame
        nearest to it (each frame once).

        `skip_unreferenced` leaves out frames that no other frame needs (often half), for sparse
        times at the price of up to a few frames' shift. Raises FootageError where the picture
        ends clearly before the stated duration, unless `allow_partial`.
        """
        wanted = None if times_s is None else sorted(times_s)
        at, last_s, held = 0, -1.0, None
        half_frame_s = 0.5 / self.fps
        index = -1
        try:
            with av.open(str(self.path)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                if skip_unreferenced:
                    stream.codec_context.skip_frame = "NONREF"
                start_s = float((stream.start_time or 0) * stream.time_base)
                for packet in container.demux(stream):
                    for picture in _decoded(packet):
                        index += 1
                        time_s = (
                            float(picture.pts * stream.time_base) - start_s
                            if picture.pts is not None
                            else index / self.fps
                        )
                        if skip_unreferenced:  # what was left out counts too
                            index = round(time_s * self.fps)
                        last_s = max(last_s, time_s)
                        if wanted is None:
                            yield _frame(picture, index, time_s)
                            continue
                        # Times nearer to the held frame than to this one are its.
                        take = False
                        while at < len(wanted) and wanted[at] < time_s - half_frame_s:
                            at, take = at + 1, True
                        if take and held is not None:
                            yield _frame(*held)
                        held = (picture, index, time_s)
                        if at >= len(wanted):
                            return
                left_over = (
                    wanted is not None and wanted[at:] and wanted[at] <= last_s + 1.5 / self.fps
                )
                if held is not None and left_over:
                    yield _frame(*held)
        except av.error.FFmpegError as error:
            if not allow_partial:
                raise FootageError(
                    f"{self.path}: the picture cannot be decoded after {max(last_s, 0):.1f} s of "
                    f"{self.duration_s:.1f} s ({_said(error)}); {_COPY_AGAIN}, or allow a partial "
                    "analysis"
                ) from None
        early_s = self.duration_s - (last_s + 1 / self.fps)
        if early_s > _EARLY_S + 1 / self.fps and not allow_partial:
            raise FootageError(
                f"{self.path}: the picture ends at {max(last_s, 0):.1f} s, but the file says "
                f"{self.duration_s:.1f} s: it is truncated; {_COPY_AGAIN}, or allow a partial "
                "analysis"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: `image` is (height, width, 3) uint8 in BGR order, `time_s` media time from 0,
    `index` counts the video's frames from 0."""

    index: int
    time_s: float
    image: NDArray[np.uint8]


def open_video(path: Path, *, allow_partial: bool = False) -> Video:
    """Look at a video without decoding it.

    Raises FootageError, one line, for a file that is missing, empty, no video, without a picture
    stream (audio only), or truncated; the last is let pass by `allow_partial` where anything can
    be played at all.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise FootageError(f"{path}: no such video file") from None
    except (OSError, ValueError) as error:
        raise FootageError(f"{path}: cannot be read ({_said(error)})") from None
    if path.is_dir():
        raise FootageError(f"{path}: is a folder; expected a video file")
    if size == 0:
        raise FootageError(f"{path}: the video is empty (0 bytes); {_COPY_AGAIN}")
    boxes = _boxes(path, size)
    cut = bool(boxes) and boxes[-1][1] > size
    names = [name for name, _ in boxes]
    if boxes and b"moov" not in names:
        raise FootageError(
            f"{path}: the video is truncated: its index (moov) is missing, the recording was not "
            f"closed or not copied to the end; {_COPY_AGAIN}, or repair it with the drone (insert "
            "the card and power it on)"
        )
    if cut and not allow_partial:
        raise FootageError(
            f"{path}: the video is truncated: {size} bytes of {boxes[-1][1]} are there; "
            f"{_COPY_AGAIN}, or allow a partial analysis"
        )
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = sorted({stream.type for stream in container.streams}) or ["nothing"]
                raise FootageError(
                    f"{path}: holds no video stream, only {', '.join(kinds)}; expected a recording "
                    "with a picture"
                )
            stream = container.streams.video[0]
            width, height = int(stream.codec_context.width), int(stream.codec_context.height)
            rate = stream.average_rate or stream.guessed_rate
            duration_s = 0.0
            if stream.duration is not None:
                duration_s = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                duration_s = container.duration / av.time_base
            frames = int(stream.frames)
            codec = str(stream.codec_context.name)
    except av.error.FFmpegError as error:
        raise FootageError(
            f"{path}: not a video that can be read ({_said(error)}); {_COPY_AGAIN}"
        ) from None
    fps = float(rate) if rate else 0.0
    if width < 16 or height < 16 or not 0.01 <= fps <= 1000 or not 0 < duration_s < 1e6:
        raise FootageError(
            f"{path}: {width} x {height} px, {fps:g} frames a second, {duration_s:g} s is not a "
            f"recording that can be analysed; {_COPY_AGAIN}"
        )
    return Video(path, width, height, fps, frames or round(duration_s * fps), duration_s, codec)


def find_subtitle(video: Path) -> Path:
    """The subtitle file beside a video: same name, suffix .SRT in any case.

    Raises FootageError where there is none.
    """
    beside = sorted(
        p
        for p in video.parent.glob("*")
        if p.suffix.lower() == ".srt" and p.stem.lower() == video.stem.lower() and p.is_file()
    )
    if not beside:
        raise FootageError(
            f"{video}: no telemetry: {video.stem}.SRT is not beside it; copy it from the same card "
            "(switch on 'video captions' in DJI's camera settings before the next flight)"
        )
    return beside[0]


def _decoded(packet: av.Packet) -> list[av.VideoFrame]:
    """A packet's frames; a damaged packet or frame is passed over."""
    try:
        return [picture for picture in packet.decode() if not picture.is_corrupt]
    except av.error.InvalidDataError:
        return []


def _frame(picture: av.VideoFrame, index: int, time_s: float) -> Frame:
    return Frame(index, time_s, picture.to_ndarray(format="bgr24"))


def _boxes(path: Path, size: int) -> list[tuple[bytes, int]]:
    """Top-level boxes of an MP4 or MOV and where each ends (ISO/IEC 14496-12, 4.2); empty for
    another container."""
    found: list[tuple[bytes, int]] = []
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size and len(found) < 10_000:
            file.seek(at)
            head = file.read(16)
            length, name = int.from_bytes(head[:4], "big"), head[4:8]
            if not found and name not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return []
            if length == 1 and len(head) == 16:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:
                length = size - at
            if length < 8:
                break
            at += length
            found.append((name, at))
    return found


def _said(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
