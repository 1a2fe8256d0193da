"""A real ArduCopter (ArduPilot's SITL) as the vehicle, for whoever has its executable."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from geo.coordinates import LonLat
from patrol.errors import SimulationError

__all__ = ["ArduCopter"]

_START_S = 30.0
_BASE_PORT = 5760
_INSTANCES = 40
# What a fresh SITL needs to be a flyable quadcopter with a camera, after ArduPilot's own
# defaults for it; everything else stays as the firmware has it.
_PARAMETERS = {
    "FRAME_CLASS": 1,
    "FRAME_TYPE": 0,
    "ARMING_CHECK": 1,
    "BATT_MONITOR": 4,
    # Its airframe lasts ten minutes and flies 10 m/s at thirty degrees; ours does better.
    "BATT_CAPACITY": 40000,
    "ANGLE_MAX": 4500,
    "COMPASS_OFS_X": 5,
    "COMPASS_OFS_Y": 13,
    "COMPASS_OFS_Z": -18,
    "COMPASS_OFS2_X": 5,
    "COMPASS_OFS2_Y": 13,
    "COMPASS_OFS2_Z": -18,
    "COMPASS_OFS3_X": 5,
    "COMPASS_OFS3_Y": 13,
    "COMPASS_OFS3_Z": -18,
    "FLTMODE1": 7,
    "FLTMODE2": 9,
    "FLTMODE3": 6,
    "FLTMODE4": 3,
    "FLTMODE5": 5,
    "FLTMODE6": 0,
    "INS_ACC2OFFS_X": 0.001,
    "INS_ACC2OFFS_Y": 0.001,
    "INS_ACC2OFFS_Z": 0.001,
    "INS_ACC2SCAL_X": 1.001,
    "INS_ACC2SCAL_Y": 1.001,
    "INS_ACC2SCAL_Z": 1.001,
    "INS_ACCOFFS_X": 0.001,
    "INS_ACCOFFS_Y": 0.001,
    "INS_ACCOFFS_Z": 0.001,
    "INS_ACCSCAL_X": 1.001,
    "INS_ACCSCAL_Y": 1.001,
    "INS_ACCSCAL_Z": 1.001,
    "MOT_BAT_VOLT_MAX": 12.8,
    "MOT_BAT_VOLT_MIN": 9.6,
    "MOT_THST_EXPO": 0.65,
    "MOT_THST_HOVER": 0.39,
    "RC7_OPTION": 0,
    **{
        f"RC{channel}_{name}": value
        for channel in range(1, 9)
        for name, value in (("MIN", 1000), ("TRIM", 1500), ("MAX", 2000))
    },
}


class ArduCopter:
    """Runs an ArduCopter SITL executable at a place; a context manager that ends it.

    It works in a folder of its own and forgets everything with it. `url` is what to connect to.
    Raises SimulationError where it does not come up.
    """

    def __init__(
        self,
        executable: Path,
        home: LonLat,
        *,
        home_msl_m: float = 20.0,
        speedup: float = 5.0,
        wind_m_s: float = 0.0,
        wind_from_deg: float = 180.0,
    ) -> None:
        if not executable.is_file():
            raise SimulationError(f"{executable}: no such file; name ArduCopter's SITL executable")
        self._folder = Path(tempfile.mkdtemp(prefix="river-patrol-sitl-"))
        values = {
            **_PARAMETERS,
            "SIM_WIND_SPD": wind_m_s,
            "SIM_WIND_DIR": wind_from_deg,
        }
        (self._folder / "copter.parm").write_text(
            "".join(f"{name} {value:g}\n" for name, value in values.items()), encoding="ascii"
        )
        instance = _free_instance()
        self.port = _BASE_PORT + 10 * instance
        self._log = (self._folder / "out.log").open("wb")
        place = f"{home.lat_deg:.8f},{home.lon_deg:.8f},{home_msl_m:.2f},0"
        self.process = subprocess.Popen(
            [
                str(executable.resolve()), "-S", "--model", "+", "--speedup", f"{speedup:g}",
                "--defaults", "copter.parm", "--home", place, f"-I{instance}",
            ],
            cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        try:
            self._await()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"tcp:127.0.0.1:{self.port}"

    def _await(self) -> None:
        """Until it waits for a connection; connecting to try would take its only place."""
        log = self._folder / "out.log"
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                lines = log.read_text(errors="replace").strip().splitlines()
                raise SimulationError(f"ArduCopter ended at once: {lines[-1] if lines else ''}")
            if "Waiting for connection" in log.read_text(errors="replace"):
                return
            time.sleep(0.1)
        raise SimulationError(f"ArduCopter did not start within {_START_S:.0f} s")

    def close(self) -> None:
        """End it and remove its folder."""
        self.process.terminate()
        try:
            self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _free_instance() -> int:
    """An instance number whose ports nobody listens on."""
    for instance in range(_INSTANCES):
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", _BASE_PORT + 10 * instance))
            except OSError:
                continue
            return instance
    raise SimulationError(f"no free port for ArduCopter from {_BASE_PORT} on")
