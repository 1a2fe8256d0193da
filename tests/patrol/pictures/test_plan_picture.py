"""The picture: of the size that was asked for, with something on it, with any font."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from drawn_plans import PHOTOS, hand_plan, renamed
from matplotlib import font_manager
from PIL import Image

from patrol.pictures import colours, draw_png
from patrol.pictures.fonts import Fonts, installed_fonts, latin_fonts
from patrol.pictures.words import Said
from patrol.plan import Plan, Uncovered

UNSEEN = (Uncovered("R1", "right", 55.0, 125.0, "禁飞区 no-fly zone: 变电站 Substation"),)


def drawn(plan: Plan, dpi: float = 100.0) -> np.ndarray:
    target = io.BytesIO()
    draw_png(plan, target, dpi)
    with Image.open(target) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def share_of(picture: np.ndarray, colour: str) -> float:
    """The share of the picture in just this colour."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((picture == rgb).all(axis=2).mean())


def test_size_and_content() -> None:
    picture = drawn(hand_plan(rivers=1, uncovered=UNSEEN, zone=True))
    assert picture.shape[1] == pytest.approx(210 / 25.4 * 100, abs=1)
    assert picture.shape[0] == pytest.approx(297 / 25.4 * 100, abs=1)
    for colour in (colours.WATER, colours.UNSEEN, colours.SORTIES[0], colours.LAND):
        assert share_of(picture, colour) > 5e-4
    for colour in (colours.ZONE, colours.INK):
        assert share_of(picture, colour) > 1e-5


def test_what_is_seen_is_not_marked() -> None:
    assert share_of(drawn(hand_plan(rivers=1)), colours.UNSEEN) == 0.0


def test_the_resolution_is_the_callers() -> None:
    assert drawn(hand_plan(), 50.0).shape[1] == pytest.approx(210 / 25.4 * 50, abs=1)


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.png"
    draw_png(hand_plan(), path, 40.0)
    before = path.read_bytes()
    with Image.open(path) as picture:
        picture.verify()

    def fails(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.print_figure", fails)
    with pytest.raises(OSError, match="no space left"):
        draw_png(hand_plan(PHOTOS), path, 40.0)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["", "萝岗", "$x^2$ \\frac{", "a\nb\t\x00", "🙂 😀", "<b>" * 80, "河/涌: (一)"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    """Glyphs that a font lacks would warn, and warnings are errors."""
    drawn(renamed(hand_plan(uncovered=UNSEEN, zone=True), name), 40.0)


def test_more_sorties_than_rows() -> None:
    picture = drawn(hand_plan(rivers=60, notes=tuple(f"note {i}" for i in range(30))), 60.0)
    assert share_of(picture, colours.LAND) > 0.1


def test_no_plot_is_left_behind() -> None:
    import matplotlib.pyplot as plt

    drawn(hand_plan(), 40.0)
    assert plt.get_fignums() == []


def test_without_chinese_all_is_english() -> None:
    fonts = latin_fonts()
    assert not fonts.chinese
    assert fonts.said(Said("架次", "sorties")) == "sorties"
    assert (
        fonts.text("绕飞禁飞区 detours round no-fly zones: 194 m")
        == "detours round no-fly zones: 194 m"
    )
    assert (
        fonts.text("萝岗: 没有编号, 编为 L1 / has no code, is now L1") == "has no code, is now L1"
    )
    assert fonts.named("南岗河", "Nangang River", "R1") == "Nangang River"
    assert fonts.named("南岗河", "南岗河", "R1") == "R1"


def _systems_chinese() -> Fonts:
    fonts = installed_fonts()
    if not fonts.chinese:
        pytest.skip("no font with Chinese characters is installed")
    return fonts


def test_with_chinese_both_are_said() -> None:
    fonts = _systems_chinese()
    assert fonts.said(Said("架次", "sorties")) == "架次 sorties"
    assert fonts.named("南岗河", "Nangang River", "R1") == "南岗河"


def test_no_font_in_the_list_and_none_on_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: ["/nowhere/simhei.ttf"])
    installed_fonts.cache_clear()
    try:
        assert not installed_fonts().chinese
    finally:
        installed_fonts.cache_clear()
