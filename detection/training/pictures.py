"""Reading pictures of any kind that cameras and labelling tools write, as 8-bit BGR.

Grey, CMYK, palette and 16-bit pictures are converted; what is empty, truncated, tiny or too large
is refused with a line that names the file.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from detection.errors import TrainingError

__all__ = ["MOST_SIDE_PX", "PICTURE_SUFFIXES", "PictureHead", "picture_head", "read_picture"]

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
MOST_SIDE_PX = 16_384
_LEAST_SIDE_PX = 8
_ORIENTATION = 0x0112  # EXIF
_TIFF_BITS = 0x0102
_PNG_BITS_AT = 24  # IHDR: signature 8, length 4, type 4, width 4, height 4

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureHead:
    """What a picture file says of itself, without decoding it: `size_px` is (width, height) as
    stored, `orientation` EXIF's (1: as stored); `plain` where it is an 8-bit RGB JPEG or PNG."""

    size_px: tuple[int, int]
    orientation: int
    plain: bool

    @property
    def upright_px(self) -> tuple[int, int]:
        """(width, height) after the EXIF orientation."""
        width, height = self.size_px
        return (height, width) if self.orientation in range(5, 9) else (width, height)


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the data set") from error
    if not data:
        raise TrainingError(
            f"{path}: not a picture that can be read (0 bytes); remove or replace it"
        )
    return data


def _opened(path: Path, data: bytes) -> Image.Image:
    """The picture's head, its size checked; raises TrainingError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are checked here
            image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError:
        raise TrainingError(
            f"{path}: far more than {MOST_SIDE_PX} px a side; cut it in tiles first"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, KeyError):
        raise TrainingError(
            f"{path}: not a picture that can be read; remove or replace it"
        ) from None
    width, height = image.size
    if max(width, height) > MOST_SIDE_PX:
        raise TrainingError(
            f"{path}: {width} x {height} px, expected at most {MOST_SIDE_PX} a side; cut it in "
            "tiles first"
        )
    if min(width, height) < _LEAST_SIDE_PX:
        raise TrainingError(
            f"{path}: {width} x {height} px, expected at least {_LEAST_SIDE_PX} a side; remove it"
        )
    return image


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether a channel has more than 8 bits, which Pillow may hide."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        return data[_PNG_BITS_AT] > 8
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (8,))
        return bool(max(bits if isinstance(bits, tuple) else (bits,)) > 8)
    return False


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1) or 1)
    except (ValueError, TypeError, SyntaxError, OSError, KeyError):
        return 1  # damaged EXIF says nothing


def picture_head(path: Path) -> PictureHead:
    """Size and kind of a picture, from its head. Raises TrainingError naming the file."""
    data = _bytes_of(path)
    image = _opened(path, data)
    plain = image.mode == "RGB" and image.format in ("JPEG", "MPO", "PNG")
    plain = plain and not _is_deep(image, data)
    return PictureHead(image.size, _orientation(image), plain)


def _eight_bits(deep: NDArray[np.generic]) -> Picture:
    """Channels of more than 8 bits brought to 8: by the least of 10, 12, 14 and 16 bits that holds
    the brightest value (cameras store 12 bits in 16); floating point is taken as 0 to 1 where it
    is that, else up to its brightest."""
    values = np.nan_to_num(np.asarray(deep, np.float64), posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    if np.issubdtype(deep.dtype, np.floating):
        scale = 1.0 if top <= 1.0 else top
    else:
        scale = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if top < 2**bits), top)
    return np.asarray(np.clip(np.rint(values * (255.0 / scale)), 0, 255), np.uint8)


def read_picture(path: Path, *, upright: bool = True) -> Picture:
    """The picture as (H, W, 3) BGR, turned as its EXIF orientation says (`upright`) or as stored.

    Raises `TrainingError` naming the file where it is missing, empty, truncated, not a picture,
    smaller than 8 px or larger than 16,384 px a side.
    """
    data = _bytes_of(path)
    image = _opened(path, data)
    try:
        image.load()  # refuses what is truncated, which OpenCV would fill with grey
        if _is_deep(image, data):
            deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            if deep is None:
                raise TrainingError(
                    f"{path}: a {image.format} picture of more than 8 bits that cannot be decoded; "
                    "save it as 8-bit PNG or JPEG"
                )
            return _bgr(_eight_bits(deep))
        if upright:
            image = ImageOps.exif_transpose(image)
        if image.mode in ("RGBA", "LA", "PA", "P"):  # what is transparent is shown on black
            rgba = image.convert("RGBA")
            black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, rgba)
        rgb = np.asarray(image.convert("RGB"), np.uint8)
    except TrainingError:
        raise
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, cv2.error) as error:
        said = " ".join(str(error).split())[:80]
        raise TrainingError(
            f"{path}: truncated or damaged ({said}); remove or replace it"
        ) from None
    return np.ascontiguousarray(rgb[..., ::-1])


def _bgr(picture: Picture) -> Picture:
    if picture.ndim == 2 or picture.shape[2] == 1:
        grey = picture.reshape(picture.shape[:2])
        return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))
    return np.ascontiguousarray(picture[..., :3])
