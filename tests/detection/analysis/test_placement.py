from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flights import CAMERA, CLASSES, HERE, NONE, Thing, boxes, fly, line, views

from detection.detections import Detections
from detection.errors import DetectionError
from detection.placement import PRIORS, views_of
from geo.placing import PoseError, place

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("name", CLASSES)
def test_a_box_is_placed_as_geo_places_its_middle(name: str) -> None:
    flight = fly(*line((0, 0), (0, 8), pitch_deg=-75), RNG)
    said = replace(flight.said[0], error=PoseError(1.5, 1.5, 2.0, 0.5, 3.0))
    found = Detections(
        np.array([[300.0, 500.0, 380.0, 560.0]]), np.array([0.5]), np.array([CLASSES.index(name)])
    )
    [view] = views_of(CAMERA, said, HERE, found, CLASSES, shot=0, time_s=0.0)
    prior = PRIORS[name]
    whole = place(
        CAMERA, said.pose(HERE), (340.0, 530.0), HERE,
        ground_up_m=prior.up_m, ground_sigma_m=0.0, error=said.error,
    )  # fmt: skip
    assert view.ground_m == pytest.approx([whole.position.east_m, whole.position.north_m])
    # Own and shared parts make up the whole, apart from the box's edges.
    edges = np.eye(2) * (0.08 * 2 * view.radius_m) ** 2
    assert view.own_m2 - edges + view.shared_m2 == pytest.approx(whole.covariance_m2, rel=1e-3)


def test_slope_is_how_the_place_moves_with_height() -> None:
    flight = fly(*line((0, 0), (0, 8)), RNG, NONE)
    for up in (-2.5, 0.0, 4.0):
        thing = Thing("structure", (12.0, 9.0, up), (2.0, 2.0, 0.0))
        found, _ = boxes([thing], flight.true[0])
        [view] = views(flight, 0, found)
        assert view.ground_m + view.slope * (up - PRIORS["structure"].up_m) == pytest.approx(
            [12.0, 9.0], abs=0.05
        )
        assert view.radius_m == pytest.approx(np.sqrt(2), rel=0.15)


@pytest.mark.parametrize(
    ("box", "sides"),
    [
        ((100, 100, 200, 200), (False, False, False, False)),
        ((0, 100, 200, 200), (True, False, False, False)),
        ((100, 2, 200, 200), (False, True, False, False)),
        ((1800, 100, 1919, 200), (False, False, True, False)),
        ((0, 900, 1920, 1080), (True, False, True, True)),
    ],
)
def test_which_sides_the_picture_cuts(
    box: tuple[float, ...], sides: tuple[bool, bool, bool, bool]
) -> None:
    flight = fly(*line((0, 0), (0, 8)), RNG)
    found = Detections(np.array([box], float), np.array([0.9]), np.array([2]))
    [view] = views(flight, 0, found)
    assert view.cut_sides == sides
    assert view.cut == any(sides)


def test_a_box_at_the_horizon_has_no_place() -> None:
    flight = fly(*line((0, 0), (0, 8), pitch_deg=-10), RNG)
    above = Detections(np.array([[900.0, 10.0, 960.0, 40.0]]), np.array([0.9]), np.array([0]))
    assert views(flight, 0, above) == []


def test_nested_boxes_of_a_class_are_one_thing() -> None:
    found = Detections(
        np.array(
            [
                [0, 0, 100, 100], [10, 10, 50, 50], [20, 20, 60, 60],  # the last of another class
                [90, 90, 190, 190], [300, 300, 320, 320], [295, 295, 400, 400],
            ], float,
        ),
        np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), np.array([1, 1, 3, 1, 0, 0]),
    )  # fmt: skip
    kept = found.without_nested()
    assert kept.confidence.tolist() == [0.9, 0.7, 0.6, 0.5]
    assert len(Detections.empty().without_nested()) == 0


def test_detections_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DetectionError, match="do not fit together"):
        Detections(np.zeros((2, 4)), np.zeros(3), np.zeros(2, np.int64))
