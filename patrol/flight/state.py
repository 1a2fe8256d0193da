"""flight/state.json: how far a flight has come, for whoever has to take it over."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from geo.files import write_text
from patrol.errors import FlightError

__all__ = ["FlightState", "SortieState"]

_FILE = "state.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class SortieState:
    """A sortie that was begun: by which vehicle (from 1), how far, and how it ended if it did."""

    vehicle: int
    url: str
    simulated: bool
    phase: str = "checking"
    top_seq: int = 0
    ending: str | None = None

    @property
    def is_open(self) -> bool:
        return self.ending is None

    @property
    def is_unflown(self) -> bool:
        """It ended before the vehicle left the ground."""
        return self.ending == "refused" or (self.ending == "stopped" and self.top_seq == 0)


class FlightState:
    """Written through at every change; a disk that takes no more is the record's trouble."""

    def __init__(self, folder: Path, connect: tuple[str, ...]) -> None:
        self._path = folder / _FILE
        self.connect = connect
        self._sorties: dict[int, SortieState] = {}
        self._lock = threading.Lock()
        self._write()

    @classmethod
    def read(cls, folder: Path) -> FlightState:
        """Raises FlightError where there is none or it is not right."""
        path = folder / _FILE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            connect = tuple(str(url) for url in document["connect"])
            sorties = {
                int(key): SortieState(**_known(row)) for key, row in document["sorties"].items()
            }
        except FileNotFoundError:
            raise FlightError(
                f"{path}: no such file; there is no flight of this patrol to take over"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FlightError(f"{path}: not the state of a flight ({error})") from None
        state = cls.__new__(cls)
        state._path, state.connect, state._sorties = path, connect, sorties
        state._lock = threading.Lock()
        return state

    def begun(self) -> dict[int, SortieState]:
        """The sorties that were begun, by number."""
        with self._lock:
            return dict(self._sorties)

    def began(self, sortie: int, vehicle: int, url: str) -> None:
        self._change(sortie, SortieState(vehicle, url, simulated=not self.connect))

    def phase(self, sortie: int, phase: str) -> None:
        self._update(sortie, phase=phase)

    def reached(self, sortie: int, seq: int) -> None:
        with self._lock:
            known = self._sorties.get(sortie)
        if known is not None and seq > known.top_seq:
            self._update(sortie, top_seq=seq)

    def ended(self, sortie: int, ending: str, seq: int) -> None:
        with self._lock:
            known = self._sorties.get(sortie)
        if known is not None:
            self._update(sortie, ending=ending, top_seq=max(seq, known.top_seq))

    def _update(self, sortie: int, **changes: Any) -> None:
        with self._lock:
            known = self._sorties.get(sortie)
        if known is not None:
            self._change(sortie, replace(known, **changes))

    def _change(self, sortie: int, row: SortieState) -> None:
        with self._lock:
            self._sorties[sortie] = row
            self._write()

    def _write(self) -> None:
        document = {
            "version": _VERSION,
            "connect": list(self.connect),
            "sorties": {str(key): asdict(row) for key, row in self._sorties.items()},
        }
        with contextlib.suppress(OSError):
            write_text(self._path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Checked fields of a sortie's row; raises ValueError, KeyError or TypeError."""
    ending = row["ending"]
    if ending is not None and not isinstance(ending, str):
        raise ValueError(f"ending {ending!r}")
    return {
        "vehicle": int(row["vehicle"]),
        "url": str(row["url"]),
        "simulated": bool(row["simulated"]),
        "phase": str(row["phase"]),
        "top_seq": int(row["top_seq"]),
        "ending": ending,
    }
