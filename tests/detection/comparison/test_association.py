"""Which sighting is which: whatever their order, alike on equal patrols, a common offset found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_things import thing

from detection.comparison.association import associate
from detection.comparison.patrols import Thing
from detection.placement import PRIORS

CLASSES = tuple(PRIORS)


def moved(things: list[Thing], by_m: tuple[float, float], noise_m: float = 0.0) -> list[Thing]:
    rng = np.random.default_rng(5)
    return [
        replace(t, ground_m=t.ground_m + by_m + rng.normal(0, noise_m, 2) if noise_m
                else t.ground_m + by_m)
        for t in things
    ]  # fmt: skip


def scattered(seed: int, count: int, apart_m: float = 15.0) -> list[Thing]:
    """Things along a river, of all classes, at least some way apart."""
    rng = np.random.default_rng(seed)
    return [
        thing(f"S{k:04d}", CLASSES[int(rng.integers(4))],
              (float(rng.uniform(-8, 8)), k * apart_m + float(rng.uniform(-3, 3))))
        for k in range(count)
    ]  # fmt: skip


somewhere = st.tuples(
    st.sampled_from(CLASSES),
    st.floats(-60, 60, allow_nan=False),
    st.floats(-60, 60, allow_nan=False),
    st.floats(0.5, 3.0),
)


def made(rows: list[tuple[str, float, float, float]]) -> list[Thing]:
    return [
        thing(f"S{k:04d}", kind, (east, north), sigma_m=sigma)
        for k, (kind, east, north, sigma) in enumerate(rows)
    ]


def named(a: list[Thing], b: list[Thing]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    found = associate(a, b)
    return (
        {(a[i].id, b[j].id) for i, j in found.pairs},
        {(a[i].id, b[j].id) for i, j in found.kin},
    )


@given(st.lists(somewhere, max_size=10), st.lists(somewhere, max_size=10), st.randoms())
def test_the_order_of_sightings_changes_nothing(
    rows_a: list[tuple[str, float, float, float]],
    rows_b: list[tuple[str, float, float, float]],
    random: object,
) -> None:
    a, b = made(rows_a), made(rows_b)
    shuffled_a, shuffled_b = a[:], b[:]
    random.shuffle(shuffled_a)  # type: ignore[attr-defined]
    random.shuffle(shuffled_b)  # type: ignore[attr-defined]
    assert named(a, b) == named(shuffled_a, shuffled_b)
    before, after = associate(a, b).offset, associate(shuffled_a, shuffled_b).offset
    assert before.matches == after.matches
    np.testing.assert_allclose(before.ground_m, after.ground_m, atol=1e-9)


@given(st.lists(somewhere, max_size=12), st.lists(somewhere, max_size=12))
def test_matches_are_one_to_one_and_of_one_class(
    rows_a: list[tuple[str, float, float, float]], rows_b: list[tuple[str, float, float, float]]
) -> None:
    a, b = made(rows_a), made(rows_b)
    found = associate(a, b)
    every = found.pairs + found.kin
    assert len({i for i, _ in every}) == len({j for _, j in every}) == len(every)
    assert all(a[i].class_name == b[j].class_name for i, j in found.pairs)
    assert all({a[i].class_name, b[j].class_name} == {"outfall", "discharge"} for i, j in found.kin)
    assert np.all(np.linalg.eigvalsh(found.offset.covariance_m2) > 0)


@given(st.integers(0, 10_000), st.integers(0, 40))
def test_a_patrol_is_equal_to_itself(seed: int, count: int) -> None:
    things = scattered(seed, count)
    found = associate(things, things)
    assert found.pairs == tuple((k, k) for k in range(count))
    assert not found.kin
    assert np.allclose(found.offset.ground_m, 0, atol=1e-9)


@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(-5, 5))
def test_a_common_offset_is_recovered(seed: int, east_m: float, north_m: float) -> None:
    things = scattered(seed, 24)
    found = associate(things, moved(things, (east_m, north_m), 0.4))
    assert len(found.pairs) >= 23
    assert all(i == j for i, j in found.pairs)
    # The prior draws it a little towards none.
    assert np.hypot(*(found.offset.ground_m - [east_m, north_m])) < 0.6
    assert found.offset.spread < 1.0


def test_an_offset_is_found_among_things_that_came_and_went() -> None:
    earlier, later = scattered(1, 30), moved(scattered(1, 30), (4.0, -3.0), 0.4)
    found = associate(earlier[:22], later[8:])
    assert [(i, j + 8) for i, j in found.pairs] == [(k, k) for k in range(8, 22)]
    assert np.hypot(*(found.offset.ground_m - [4.0, -3.0])) < 0.7


def test_without_matches_no_offset_is_claimed() -> None:
    found = associate([thing("S1", "outfall", (0, 0))], [thing("S1", "structure", (1, 0))])
    assert found.pairs == found.kin == ()
    assert found.offset.matches == 0
    assert not found.offset.ground_m.any()


@pytest.mark.parametrize(("apart_m", "same"), [(0.0, True), (4.0, True), (25.0, False)])
def test_the_gate_is_as_wide_as_the_errors(apart_m: float, same: bool) -> None:
    found = associate([thing("S1", "outfall", (0, 0))], [thing("S1", "outfall", (apart_m, 0))])
    assert bool(found.pairs) is same


def test_two_near_things_are_told_apart_together() -> None:
    """Nearest-first would give S1 the wrong one and leave S2 without."""
    earlier = [thing("S1", "outfall", (0, 0)), thing("S2", "outfall", (5, 0))]
    later = [thing("S1", "outfall", (3.0, 0)), thing("S2", "outfall", (8.0, 0))]
    assert associate(earlier, later).pairs == ((0, 0), (1, 1))


def test_an_outfall_that_begins_to_discharge_is_kin() -> None:
    outfall = thing("S1", "outfall", (0, 0), radius_m=1.5)
    plume = thing("S1", "discharge", (0, 7), radius_m=8.0)
    assert associate([outfall], [plume]).kin == ((0, 0),)
    assert associate([plume], [outfall]).kin == ((0, 0),)
    far = thing("S1", "discharge", (0, 40), radius_m=8.0)
    assert associate([outfall], [far]).kin == ()
