"""Single frames of a video, without decoding all that lies before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import av.error

from detection.errors import FootageError
from detection.footage.video import Frame

__all__ = ["frames_at"]

# A frame this little ahead is reached by decoding on.
_NEAR_S = 1.0


def frames_at(video: Path, times_s: Sequence[float]) -> Iterator[Frame]:
    """The frames at these media times, ascending, each time's own.

    Decodes from the key frame before each time, unless the frame before is nearer. A frame's
    `index` is left at -1. Raises FootageError where a time has no frame.
    """
    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            base, start = stream.time_base, stream.start_time or 0
            rate = stream.average_rate or stream.guessed_rate
            half_s = 0.5 / float(rate) if rate else 0.02
            frames: Iterator[av.VideoFrame] = iter(())
            held: av.VideoFrame | None = None
            at_s = -1.0
            for time_s in times_s:
                if held is not None and abs(at_s - time_s) < half_s:
                    yield Frame(-1, at_s, held.to_ndarray(format="bgr24"))
                    continue
                if held is None or not 0 < time_s - at_s < _NEAR_S:
                    container.seek(
                        start + round(max(0.0, time_s - half_s / 2) / base), stream=stream
                    )
                    frames = container.decode(stream)
                for picture in frames:
                    if picture.pts is None or picture.is_corrupt:
                        continue
                    at_s = float((picture.pts - start) * base)
                    held = picture
                    if at_s > time_s - half_s:
                        break
                if held is None or abs(at_s - time_s) > half_s:
                    raise FootageError(
                        f"{video}: no frame at {time_s:.2f} s; has the file changed?"
                    )
                yield Frame(-1, at_s, held.to_ndarray(format="bgr24"))
    except av.error.FFmpegError as error:
        said = " ".join(str(error.strerror or error).split())
        raise FootageError(f"{video}: cannot be decoded ({said})") from None
