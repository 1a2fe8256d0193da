"""The flight's rules, one by one, on made-up sights: no vehicle, no clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrol.flight.link import StatusText
from patrol.flight.machine import FlightMachine
from patrol.flight.sight import Ending, Limits, Order, Phase, Sight

LIMITS = Limits()
LAST = 14


def sight(s: float, mode: str = "AUTO", **more: object) -> Sight:
    """A vehicle that flies along at 8 m/s, `s` seconds after its take-off."""
    made = Sight(
        wall_s=100.0 + s, boot_s=50.0 + s, mode=mode, armed=True, seq=5, moved_m=8.0 * s,
        battery_pct=80.0, need_pct=15.0,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def flying(until_s: float = 20.0) -> FlightMachine:
    machine = FlightMachine(LIMITS, LAST)
    for second in range(int(until_s)):
        assert machine.see(sight(float(second))) == []
    assert machine.phase is Phase.MISSION
    return machine


def fly_on(machine: FlightMachine, begin_s: float, seconds: float, **so: object) -> list[Order]:
    orders = []
    at = begin_s
    while at < begin_s + seconds and machine.ending is None:
        orders += machine.see(sight(at, **so))  # type: ignore[arg-type]
        at += 0.5
    return orders


def landed(machine: FlightMachine, s: float, **so: object) -> FlightMachine:
    for at in (s, s + 2.0):
        machine.see(sight(at, armed=False, **so))  # type: ignore[arg-type]
    return machine


def text(s: float, words: str, severity: int = 4) -> StatusText:
    return StatusText(severity, words, 50.0 + s)


def modes(orders: list[Order]) -> list[str]:
    return [order.mode for order in orders if order.kind == "mode"]


def test_a_flight_to_its_end_needs_no_order() -> None:
    machine = flying()
    assert fly_on(machine, 20.0, 10.0, seq=LAST) == []
    landed(machine, 30.0, seq=LAST)
    assert (machine.ending, machine.reason) == (Ending.COMPLETE, "")
    assert machine.see(sight(40.0)) == []


def test_landing_before_the_last_item_is_no_complete_flight() -> None:
    machine = landed(flying(), 21.0)
    assert machine.ending is Ending.BROKEN_OFF
    assert machine.reason == "the flight ended at item 5 of 14"


@pytest.mark.parametrize(
    ("so", "after_s", "mode", "says"),
    [
        ({"battery_pct": 14.0}, 0.0, "RTL", "battery is at 14 % and the way home takes up to 15 %"),
        ({"fence_breached": True}, 3.0, "RTL", "outside its fence"),
        ({"ekf_ok": False}, 5.0, "LAND", "position estimate is not good"),
        ({"has_fix": False}, 10.0, "LAND", "it has no GPS"),
        ({"record_failed": "No space left"}, 0.0, "RTL", "record cannot be written"),
        ({"moved_m": 160.0}, 120.0, "RTL", "stalls at item 5: not moved for 120 s"),
    ],
)
def test_the_grounds_own_rules(so: dict[str, object], after_s: float, mode: str, says: str) -> None:
    machine = flying()
    early = fly_on(machine, 20.0, after_s, **so)
    assert modes(early) == [], "not before its time"
    later = fly_on(machine, 20.0 + after_s, 12.0, **so)
    assert set(modes(later)) == {mode}
    assert len(modes(later)) > 2, "ordered again until it obeys"
    assert says in machine.reason
    assert modes(fly_on(machine, 40.0 + after_s, 5.0, mode=mode)) == [], "it obeys now"
    assert machine.phase is (Phase.RETURNING if mode == "RTL" else Phase.LANDING)
    assert landed(machine, 60.0 + after_s, mode=mode).ending is Ending.BROKEN_OFF


def test_what_passes_in_time_is_let_pass() -> None:
    machine = flying()
    for so in ({"fence_breached": True}, {"ekf_ok": False}, {"has_fix": False}):
        assert fly_on(machine, 20.0, 2.5, **so) == []
        assert fly_on(machine, 22.5, 1.0) == []
    assert machine.phase is Phase.MISSION


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("RTL", "Battery 1 is low 13.6V used 2000 mAh"),
        ("LAND", "EKF Failsafe: changed to LAND Mode"),
        ("RTL", "Polygon fence breached"),
        ("RTL", "GCS Failsafe"),
        ("LAND", "Battery Failsafe"),
    ],
)
def test_a_failsafe_of_the_vehicle_is_watched_and_not_disturbed(mode: str, words: str) -> None:
    machine = flying()
    severity = 5 if "fence" in words else 4
    orders = machine.see(sight(20.0, mode, texts=(text(20.0, words, severity),)))
    orders += fly_on(machine, 20.5, 30.0, mode=mode)
    assert modes(orders) == []
    assert [o.kind for o in orders] == ["camera_off"]
    assert words in machine.reason
    assert f"went to {mode}" in machine.reason
    assert landed(machine, 51.0, mode=mode).ending is Ending.BROKEN_OFF


def test_the_reason_of_a_failsafe_may_come_after_it() -> None:
    machine = flying()
    machine.see(sight(20.0, "RTL"))
    machine.see(sight(21.0, "RTL", texts=(text(21.0, "Battery Failsafe"),)))
    assert machine.phase is Phase.RETURNING
    assert "Battery Failsafe" in machine.reason


def test_an_all_clear_is_no_reason() -> None:
    machine = flying()
    machine.see(sight(20.0, "RTL", texts=(text(20.0, "Fence breach cleared", 5),)))
    fly_on(machine, 20.5, 5.0, mode="RTL")
    assert machine.phase is Phase.PILOT


@pytest.mark.parametrize("mode", ["LOITER", "STABILIZE", "GUIDED", "RTL"])
def test_the_pilot_wins(mode: str) -> None:
    """From then on nothing is ordered, whatever happens and whatever the operator wants."""
    machine = flying()
    assert fly_on(machine, 20.0, 5.0, mode=mode) == []
    assert machine.phase is Phase.PILOT
    so = {"battery_pct": 3.0, "ekf_ok": False, "fence_breached": True, "record_failed": "full"}
    assert fly_on(machine, 25.0, 200.0, mode=mode, moved_m=200.0, **so) == []
    for action in ("pause", "resume", "skip", "return", "land"):
        assert machine.told(action) == (None, "the pilot has the vehicle")
    assert fly_on(machine, 230.0, 5.0, mode=mode) == []
    assert landed(machine, 240.0, mode=mode).ending is Ending.PILOT
    assert "the pilot took the vehicle over at item 5 of 14" in machine.reason


def test_the_pilot_gives_the_mission_back() -> None:
    machine = flying()
    fly_on(machine, 20.0, 10.0, mode="LOITER")
    assert machine.phase is Phase.PILOT
    # Copter forgets the mission's speed when it enters AUTO anew.
    assert fly_on(machine, 30.0, 5.0) == [Order("speed")]
    assert machine.phase is Phase.MISSION
    fly_on(machine, 35.0, 2.0, seq=LAST)
    assert landed(machine, 40.0, seq=LAST).ending is Ending.COMPLETE


def test_a_short_hold_is_followed_by_the_missions_speed_too() -> None:
    machine = flying()
    assert fly_on(machine, 20.0, 1.0, mode="LOITER") == []
    assert fly_on(machine, 21.0, 5.0) == [Order("speed")]
    assert machine.phase is Phase.MISSION


def test_a_pilot_who_takes_over_on_the_way_home_wins_too() -> None:
    machine = flying()
    machine.told("return")
    fly_on(machine, 20.0, 2.0)
    fly_on(machine, 22.0, 5.0, mode="RTL")
    assert machine.phase is Phase.RETURNING
    orders = fly_on(machine, 27.0, 10.0, mode="LOITER")
    assert modes(orders) == []
    assert machine.phase is Phase.PILOT
    assert landed(machine, 40.0, mode="LOITER").ending is Ending.STOPPED


# -- contact -----------------------------------------------------------------------------------------


def test_a_silent_link_is_waited_for() -> None:
    machine = flying()
    gone = {"silent": "no message from the vehicle for 11 s"}
    assert fly_on(machine, 20.0, 60.0, **gone) == []
    assert machine.phase is Phase.LOST
    assert machine.told("pause") == (None, "there is no contact with the vehicle")
    assert fly_on(machine, 80.0, 5.0) == []
    assert machine.phase is Phase.MISSION
    assert any("contact again" in words for _, words in machine.events)


def test_a_vehicle_that_stays_lost_is_given_up() -> None:
    machine = flying()
    fly_on(machine, 20.0, LIMITS.lost_wall_s + 5.0, silent="the vehicle closed the connection")
    assert machine.ending is Ending.LOST
    assert "its own failsafe has to bring it home" in machine.reason


def test_a_return_wanted_in_silence_is_ordered_on_contact() -> None:
    machine = flying()
    fly_on(machine, 20.0, 5.0, silent="no message")
    assert machine.told("return") == (None, None)
    assert fly_on(machine, 25.0, 5.0, silent="no message") == []
    assert modes(fly_on(machine, 30.0, 3.0)) == ["RTL", "RTL"]


def test_coming_home_after_a_gap_is_the_failsafe_for_it() -> None:
    machine = flying()
    fly_on(machine, 45.0, 5.0, mode="RTL", contact_s=94.0)
    assert machine.phase is Phase.RETURNING
    assert "it had lost contact with the ground" in machine.reason


def test_a_restart_in_flight() -> None:
    machine = flying()
    machine.see(sight(20.0, "STABILIZE", reboots=1, boot_s=1.0, armed=False))
    assert machine.ending is Ending.BROKEN_OFF
    assert "restarted in flight" in machine.reason


# -- the operator ------------------------------------------------------------------------------------


def test_pause_and_go_on() -> None:
    machine = flying()
    order, refusal = machine.told("pause")
    assert (order, refusal) == (Order("pause"), None)
    assert machine.phase is Phase.MISSION, "only once the vehicle does it"
    machine.obeyed(Order("pause"))
    assert machine.phase is Phase.PAUSED
    assert fly_on(machine, 20.0, 300.0, moved_m=160.0) == [], "a pause is no stall"
    assert machine.told("pause")[0] is None
    order, _ = machine.told("resume")
    assert order == Order("go_on")
    machine.obeyed(Order("go_on"))
    assert machine.phase is Phase.MISSION
    assert machine.told("skip") == (Order("skip"), None)


def test_a_paused_vehicle_still_has_to_get_home() -> None:
    machine = flying()
    machine.obeyed(Order("pause"))
    assert modes(fly_on(machine, 20.0, 2.0, battery_pct=10.0)) == ["RTL"]


@pytest.mark.parametrize(("action", "mode"), [("return", "RTL"), ("land", "LAND")])
def test_the_operator_ends_the_flight(action: str, mode: str) -> None:
    machine = flying()
    assert machine.told(action) == (None, None)
    assert modes(fly_on(machine, 20.0, 1.0)) == [mode]
    fly_on(machine, 21.0, 5.0, mode=mode)
    assert machine.told(action)[1] == f"it is on its way: {mode}"
    assert landed(machine, 60.0, mode=mode).ending is Ending.STOPPED


def test_land_after_return() -> None:
    machine = flying()
    machine.told("return")
    fly_on(machine, 20.0, 2.0)
    fly_on(machine, 22.0, 2.0, mode="RTL")
    assert machine.told("land") == (None, None)
    assert modes(fly_on(machine, 24.0, 2.0, mode="RTL")) == ["LAND"]
    fly_on(machine, 26.0, 2.0, mode="LAND")
    assert machine.phase is Phase.LANDING
    assert machine.told("return")[1] == "it is on its way: LAND"


def test_a_return_that_is_refused_becomes_a_landing() -> None:
    machine = flying()
    machine.told("return")
    orders = modes(fly_on(machine, 20.0, 40.0))
    assert orders[0] == "RTL"
    assert orders[-1] == "LAND"


def test_take_over_of_a_vehicle_on_its_way_home() -> None:
    machine = FlightMachine(LIMITS, LAST, top_seq=9)
    machine.take_over("RTL")
    assert modes(fly_on(machine, 0.0, 20.0, mode="RTL", seq=9)) == []
    assert landed(machine, 20.0, mode="RTL", seq=9).ending is Ending.BROKEN_OFF


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["AUTO", "RTL", "LAND", "LOITER", "GUIDED", "BRAKE"]),
            st.booleans(), st.booleans(), st.booleans(), st.floats(0, 100), st.integers(0, LAST),
            st.sampled_from([None, "pause", "resume", "skip", "return", "land", "nonsense"]),
            st.sampled_from([None, "no message"]), st.floats(0.05, 20.0),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_whatever_is_seen_it_goes_on_and_orders_only_what_it_may(
    steps: list[tuple[str, bool, bool, bool, float, int, str | None, str | None, float]],
) -> None:
    machine = FlightMachine(LIMITS, LAST)
    at = 0.0
    for mode, ekf, fix, fence, battery, seq, action, silent, step in steps:
        at += step
        orders = machine.see(
            sight(at, mode, ekf_ok=ekf, has_fix=fix, fence_breached=fence, battery_pct=battery,
                  seq=seq, silent=silent)
        )  # fmt: skip
        if machine.phase in (Phase.PILOT, Phase.LOST):
            assert orders == []
        assert all(o.mode in ("RTL", "LAND") for o in orders if o.kind == "mode")
        if action is not None:
            order, refusal = machine.told(action)
            assert order is None or refusal is None
            if order is not None:
                machine.obeyed(order)
    for end in (at + 1.0, at + 4.0):
        machine.see(sight(end, "LAND", armed=False))
    assert machine.ending is not None
    assert machine.ending is not Ending.REFUSED
    assert (machine.ending is Ending.COMPLETE) == (machine.reason == "")
