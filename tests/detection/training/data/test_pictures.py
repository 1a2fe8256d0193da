"""Pictures of every kind are read as 8-bit BGR, or refused with their name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from detection.errors import TrainingError
from detection.training.pictures import picture_head, read_picture


def ramp() -> np.ndarray:
    """(40, 64, 3) BGR, a ramp of grey with a red corner."""
    picture = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 40, axis=0)
    picture = np.repeat(picture, 3, axis=2)
    picture[:10, :10] = (0, 0, 255)
    return picture


def test_grey_and_sixteen_bits_and_cmyk_look_the_same(tmp_path: Path) -> None:
    picture = ramp()
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "grey16.png"), grey.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "twelve.tif"), (grey.astype(np.uint16) * 16 + 15))
    cv2.imwrite(str(tmp_path / "colour16.png"), picture.astype(np.uint16) * 257)
    rgb = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    rgb.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    rgb.convert("CMYK").save(tmp_path / "cmyk.tif")
    expected_grey = np.repeat(grey[..., None], 3, axis=2)
    for name, expected, apart in (
        ("grey.png", expected_grey, 0),
        ("grey16.png", expected_grey, 0),
        ("twelve.tif", expected_grey, 1),
        ("colour16.png", picture, 0),
        ("cmyk.tif", picture, 2),
        ("cmyk.jpg", picture, 40),  # JPEG rings about the red corner
    ):
        found = read_picture(tmp_path / name)
        assert found.shape == (40, 64, 3), name
        assert found.dtype == np.uint8
        difference = np.abs(found.astype(int) - expected)
        assert difference.max() <= apart, name
        assert difference.mean() <= 2, name
    assert picture_head(tmp_path / "cmyk.jpg").plain is False
    assert picture_head(tmp_path / "colour16.png").plain is False


def test_orientation_is_followed_or_left(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (60, 40)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (60, 40, 3)
    assert read_picture(tmp_path / "turned.jpg", upright=False).shape == (40, 60, 3)
    head = picture_head(tmp_path / "turned.jpg")
    assert (head.size_px, head.upright_px) == ((60, 40), (40, 60))


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "whole.jpg"), ramp())
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    Image.new("RGB", (1, 1)).save(tmp_path / "pixel.png")
    Image.new("L", (20_000, 10)).save(tmp_path / "wide.png")
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    for name, message in (
        ("empty.jpg", "0 bytes"),
        ("text.jpg", "not a picture"),
        ("cut.jpg", "truncated or damaged"),
        ("pixel.png", "1 x 1 px, expected at least 8"),
        ("wide.png", "20000 x 10 px, expected at most 16384 a side; cut it in tiles"),
        ("huge.png", "cut it in tiles"),
        ("missing.png", "No such file"),
    ):
        with pytest.raises(TrainingError) as caught:
            read_picture(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.data())
def test_damaged_files_cost_one_error(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([".jpg", ".png", ".tif"]))
    good = bytearray(cv2.imencode(kind, ramp())[1].tobytes())
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{kind}"
    path.write_bytes(bytes(good[: data.draw(st.integers(1, len(good)))]))
    try:
        found = read_picture(path)
    except TrainingError as error:
        assert str(path) in str(error)
    else:
        assert found.ndim == 3
        assert found.dtype == np.uint8
