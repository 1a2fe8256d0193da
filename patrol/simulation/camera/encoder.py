"""Writing frames as H.264 in MP4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.errors import SimulationError

__all__ = ["VideoWriter"]

_KEY_FRAME_S = 4.0

# Frames half a second apart have hardly anything that motion search could find: most blocks are
# coded by themselves, and 8x8 prediction alone does that at the same quality in 60 % of the time.
_SPARSE_FPS = 8.0
_SPARSE = "me=dia:subme=0:partitions=i8x8"
_DENSE = "me=dia:subme=1"


class VideoWriter:
    """Frames (H, W, 3) BGR at a steady rate into one MP4. Use it as a context manager."""

    def __init__(self, path: Path, size_px: tuple[int, int], fps: float, quality: int = 28) -> None:
        """`quality` is x264's constant rate factor: 18 fine, 28 coarse."""
        width, height = size_px
        if width % 2 or height % 2 or not 0.1 <= fps <= 120:
            raise SimulationError(
                f"video of {width}x{height} px at {fps:g} frames a second: expected even sizes and "
                "0.1 to 120 frames a second"
            )
        rate = Fraction(fps).limit_denominator(1001)
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        stream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.time_base = 1 / rate
        context.options = {
            "preset": "veryfast",
            "crf": str(quality),
            # OpenCV converts with BT.601 coefficients: say so, or colours shift when decoded.
            "x264-params": "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m:"
            f"keyint={max(1, round(_KEY_FRAME_S * fps))}:scenecut=0:"
            f"bframes=0:rc-lookahead=0:ref=1:{_SPARSE if fps < _SPARSE_FPS else _DENSE}",
        }
        self._stream = stream
        self._next = 0

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append one frame."""
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._next
        frame.time_base = self._stream.codec_context.time_base
        self._next += 1
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what the encoder still holds and the index."""
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._container.close()
