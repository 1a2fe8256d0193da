"""`patrol tell`: command a running flight from another shell, or ask how it stands."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, stop

if TYPE_CHECKING:
    from api.schemas import FlightPublic, VehiclePublic

__all__ = ["register"]

_ANSWER_S = 10.0
_OTHERS_S = 0.6  # every vehicle answers a command to all


class Wish(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    RETURN = "return"
    LAND = "land"
    STATUS = "status"


_STATES = {
    "checking": "飞前检查", "loading": "上传任务", "arming": "解锁", "takeoff": "起飞",
    "mission": "执行航线", "paused": "暂停", "returning": "返航", "landing": "降落",
    "landed": "已落地", "lost": "失去联系", "pilot": "飞手接管", "done": "架次结束",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    @app.command(
        help="指挥 Command the flight that `patrol fly` runs on this patrol: pause 暂停, resume "
        "继续, skip 跳过 (the rest of a lane), return 返航, land 降落 (where it is), or ask for "
        "its status 状态. Waits 10 s for the answer; exit code 1 where none runs, it is refused, "
        "or no answer comes."
    )
    def tell(
        patrol_dir: Annotated[Path, typer.Argument(help="Patrol folder that is being flown.")],
        action: Annotated[Wish, typer.Argument(help="What it shall do.")],
        vehicle: Annotated[
            int | None, typer.Option(help="Only this vehicle, from 1 [default: all].", min=1)
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        if not patrol_dir.is_dir():
            stop(f"{patrol_dir}: no such patrol folder")
        if action is Wish.STATUS:
            result, text = _status(patrol_dir, vehicle)
        else:
            result, text = _told(patrol_dir, str(action), vehicle)
        emit(result, as_json=as_json, text=text)


def _told(folder: Path, action: str, vehicle: int | None) -> tuple[dict[str, Any], str]:
    from patrol.flight.desk import await_answer, give_command

    command = give_command(folder, action, vehicle, "shell")
    first = await_answer(folder, command.id, _ANSWER_S)
    if first is None:
        stop(f"{action}: no answer in {_ANSWER_S:.0f} s; is the flight still running? The command "
             "stands; in need take the remote control")  # fmt: skip
    if vehicle is None:
        time.sleep(_OTHERS_S)
    answers = _answers(folder, command.id) or [first]
    obeyed = list(dict.fromkeys(text for done, text in answers if done))
    refused = list(dict.fromkeys(text for done, text in answers if not done))
    if not obeyed:
        stop(f"{action} refused 被拒绝: {'; '.join(refused)}")
    result = {
        "id": command.id, "action": action, "vehicle": vehicle, "obeyed": obeyed,
        "refused": refused,
    }  # fmt: skip
    lines = [f"已执行 done: {'; '.join(obeyed)}"]
    if refused:
        lines.append(f"未执行 refused by others: {'; '.join(refused)}")
    return result, "\n".join(lines)


def _answers(folder: Path, command: str) -> list[tuple[bool, str]]:
    from api.patrols import live_row
    from patrol.flight.desk import read_live

    rows = [live_row(line) for _, line in read_live(folder)[0] if command.encode() in line]
    return [
        (bool(row.get("ok")), str(row.get("text", "")))
        for row in rows
        if row and row["kind"] == "answer" and row.get("command") == command
    ]


def _status(folder: Path, vehicle: int | None) -> tuple[dict[str, Any], str]:
    from api.patrols import flight_now

    flight = flight_now(folder)
    if flight.flight is None:
        stop(f"{folder}: this patrol has not been flown; run patrol fly {folder}")
    rows = [row for row in flight.vehicles if vehicle in (None, row.vehicle)]
    if not rows:
        stop(f"{folder}: the flight has no vehicle {vehicle}")
    wanted = flight.model_copy(update={"vehicles": rows})
    result = wanted.model_dump(mode="json", exclude={"trails", "cursor"})
    return result, "\n".join([_headline(flight), *map(_line, rows)])


def _headline(flight: FlightPublic) -> str:
    if flight.running and flight.end is None:
        return f"飞行中 flying; last told {flight.quiet_s or 0:.0f} s ago"
    if flight.end is None:
        return "飞行程序已中断 the flight was cut off: take it over with patrol fly --resume"
    seen = flight.end.seen_share
    share = "" if seen is None else f"; {100 * seen:.1f} % of the bank seen"
    return f"飞行已结束 the flight has ended: {flight.end.outcome}{share}"


def _line(row: VehiclePublic) -> str:
    state, at = row.state, row.position
    name = f"{row.vehicle} 号机 vehicle {row.vehicle}"
    if state is None and at is None:
        return f"{name}: 待命 waits"
    words = []
    sortie = state.sortie if state else at.sortie if at else None
    if sortie is not None:
        words.append(f"架次 sortie {sortie}")
    if state:
        known = _STATES.get(state.state)
        words.append(f"{known} {state.state}" if known else state.state)
    if at:
        words.append(f"{at.lon:.6f}, {at.lat:.6f}")
        for value, text in (
            (at.mode, "模式 mode {}"),
            (at.above_launch_m, "高度 height {:.0f} m"),
            (at.ground_speed_m_s, "速度 speed {:.1f} m/s"),
            (at.battery_pct, "电量 battery {:.0f} %"),
        ):
            if value is not None:
                words.append(text.format(value))
        if at.flown_m is not None and at.planned_m:
            words.append(f"已飞 flown {at.flown_m / 1000:.2f} of {at.planned_m / 1000:.2f} km")
        if at.link == "silent":
            words.append("链路中断 no contact")
    if state and state.text:
        words.append(state.text)
    return f"{name}: {', '.join(words)}"
