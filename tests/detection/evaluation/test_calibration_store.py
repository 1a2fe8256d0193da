"""A calibration kept with a model: read, written, applied, and refused where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.calibration import Calibration, Curve
from detection.errors import ModelError

CLASSES = ("outfall", "discharge")
STEPS = Curve(
    "isotonic", raw=np.array([0.1, 0.5, 0.6, 0.9]), calibrated=np.array([0.0, 0.3, 0.3, 0.8])
)
CURVES = [Curve(), Curve("temperature", 0.5, -0.3), Curve("temperature", 3.0, 1.0), STEPS]


@pytest.mark.parametrize("curve", CURVES)
def test_every_curve_rises_within_0_and_1_and_can_be_inverted(curve: Curve) -> None:
    raw = np.linspace(0.001, 0.999, 500)
    calibrated = curve.apply(raw)
    assert np.all(np.diff(calibrated) > 0)  # no two boxes come to be level
    assert calibrated.min() >= 0
    assert calibrated.max() <= 1
    assert curve.invert(calibrated) == pytest.approx(raw, abs=1e-6)


def test_temperature_and_steps_against_values_worked_out_by_hand() -> None:
    assert Curve("temperature", 0.5).apply(np.array([0.5, 0.75])) == pytest.approx([0.5, 0.9])
    assert STEPS.apply(np.array([0.3, 0.55])) == pytest.approx([0.15, 0.3], abs=2e-3)


def model(tmp_path: Path) -> Path:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "best.pt").touch()
    (tmp_path / "openvino/metadata.json").write_text(
        '{"classes": ["outfall", "discharge"], "precision": "INT8"}'
    )
    return tmp_path


def test_written_with_the_model_and_with_its_export(tmp_path: Path) -> None:
    folder = model(tmp_path)
    assert [c.method for c in Calibration.read(folder, CLASSES).curves] == ["identity"] * 2
    kept = Calibration(CLASSES, (CURVES[1], STEPS), {"pictures": 3})
    written = kept.write(folder)
    assert [p.relative_to(folder).as_posix() for p in written] == [
        "openvino/metadata.json",
        "calibration.json",
    ]
    assert json.loads(written[0].read_text())["precision"] == "INT8"  # the rest stays
    confidence, ids = np.array([0.2, 0.2, 0.7]), np.array([0, 1, 1])
    for place in (folder, folder / "openvino"):
        read = Calibration.read(place, CLASSES)
        assert read.about == {"pictures": 3}
        assert read.apply(confidence, ids) == pytest.approx(kept.apply(confidence, ids), abs=1e-12)
        assert read.invert(read.apply(confidence, ids), ids) == pytest.approx(confidence)
    # An export made later takes that of the model's folder; classes are found by name.
    (folder / "openvino/metadata.json").write_text('{"classes": ["discharge", "outfall"]}')
    turned = Calibration.read(folder / "openvino", CLASSES[::-1])
    assert turned.apply(confidence, 1 - ids) == pytest.approx(
        kept.apply(confidence, ids), abs=1e-12
    )


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither best\.pt nor an exported network"):
        Calibration.identity(CLASSES).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("{", "not a calibration"),
        ('{"format": "river-patrol/calibration", "version": 2, "classes": {}}', "version 2"),
        ({"boat": {"method": "identity"}}, "of the classes boat besides"),
        ({"outfall": {"method": "temperature", "temperature": 0.0, "bias": 0}}, "temperature 0"),
        (
            {"outfall": {"method": "temperature", "temperature": float("nan"), "bias": 0}},
            "temperature nan",
        ),
        ({"outfall": {"method": "isotonic", "raw": [0.5], "calibrated": [0.5]}}, "2 to 1000 knots"),
        (
            {"outfall": {"method": "isotonic", "raw": [0.5, 0.4], "calibrated": [0.1, 0.2]}},
            "must rise",
        ),
        (
            {"outfall": {"method": "isotonic", "raw": [0.1, 0.4], "calibrated": [0.1, 2]}},
            "must rise",
        ),
        ({"outfall": {"method": "magic"}}, "method 'magic'"),
        ({"outfall": {}}, "not a calibration"),
    ],
)
def test_damaged_calibrations_are_one_line(tmp_path: Path, stored: object, message: str) -> None:
    if not isinstance(stored, str):
        stored = json.dumps({"format": "river-patrol/calibration", "version": 1, "classes": stored})
    (tmp_path / "calibration.json").write_text(stored)
    with pytest.raises(ModelError, match=message) as caught:
        Calibration.read(tmp_path, CLASSES)
    assert "calibration.json" in str(caught.value)
    assert "\n" not in str(caught.value)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=5)
    | st.just("isotonic")
    | st.just("temperature"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["method", "raw", "calibrated", "temperature", "bias", "outfall", "classes"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_whatever_is_stored_gives_a_rising_curve_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, stored: object
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    document = {"format": "river-patrol/calibration", "version": 1, "classes": stored}
    (folder / "calibration.json").write_text(json.dumps(document))
    try:
        read = Calibration.read(folder, CLASSES)
    except ModelError:
        return
    raw = np.linspace(0, 1, 50)
    assert np.all(np.diff(read.apply(raw, np.zeros(50, np.int64))) >= 0)
