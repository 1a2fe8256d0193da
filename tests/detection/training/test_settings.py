"""What a training file may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.errors import TrainingError
from detection.training.settings import AUGMENTATION, TrainingSettings, read_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "train.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_and_the_command_line_wins(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "network: yolo11n.yaml\nepochs: 30\nlearning_rate: 1e-3\naugmentation: {mosaic: 1.0}\n"
        "device: 0\nweights: a.pt\ndata: set\nout: models/x\nplots: true\n",
    )
    settings, rest = read_settings(path, epochs=3, seed=None)
    assert settings == TrainingSettings(
        network="yolo11n.yaml", epochs=3, learning_rate=1e-3, augmentation={"mosaic": 1.0},
        device="0", plots=True,
    )  # fmt: skip
    assert settings.augmented == {**AUGMENTATION, "mosaic": 1.0}
    assert rest == {"weights": "a.pt", "data": ["set"], "out": "models/x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch: 3", "found epoch, expected network, epochs"),
        ("epochs: three", "epochs: found 'three', expected a whole number"),
        ("epochs: 0", "epochs: found 0, expected 1 to 10000"),
        ("epochs: true", "epochs: found True, expected a whole number"),
        ("learning_rate: .nan", "learning_rate: found nan"),
        ("side_px: 417", "side_px: found 417, expected a multiple of 32"),
        ("network: best.pt", "network: found 'best.pt', expected a structure"),
        ("augmentation: {mosaik: 1.0}", "augmentation: found mosaik, expected some of"),
        ("augmentation: {mosaic: much}", "augmentation.mosaic: found 'much', expected a number"),
        ("data: {a: b}", "data: expected a folder or recipe"),
        ("weights: 3", "weights: found 3, expected a path"),
        ("plots: 2", "plots: found 2, expected true or false"),
        ("- a\n- b", "found no table of settings"),
        ("", "found no table of settings"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(TrainingError) as caught:
        read_settings(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="check the path"):
        read_settings(tmp_path / "none.yaml")
    path = tmp_path / "train.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match="not YAML"):
        read_settings(path)


@given(
    st.dictionaries(
        st.sampled_from(
            ["epochs", "side_px", "batch", "seed", "learning_rate", "freeze", "device"]
        ),
        st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.none(), st.booleans()),
    )
)
def test_any_values_are_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]
) -> None:
    import yaml

    path = written(tmp_path_factory.mktemp("any"), yaml.safe_dump(values))
    try:
        settings, _ = read_settings(path)
    except TrainingError as error:
        assert "\n" not in str(error)
    else:
        assert all(str(getattr(settings, k)) == str(v) for k, v in values.items() if k != "device")
