"""Starting and stopping a simulated vehicle from another process."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import IO, Self

from patrol.errors import SimulationError
from patrol.simulation.vehicle.settings import VehicleSettings

__all__ = ["SimulatedVehicle"]

_START_S = 60.0
_STOP_S = 10.0


class SimulatedVehicle:
    """A vehicle in a process of its own; a context manager that ends it.

    `url` is what dronekit connects to. Raises SimulationError where it does not come up.
    """

    def __init__(self, settings: VehicleSettings) -> None:
        self.settings = settings
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "patrol.simulation.vehicle", settings.to_json()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        try:
            self.port = self._read_port()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"tcp:127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def _read_port(self) -> int:
        assert self.process.stdout is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            readable, _, _ = select.select([self.process.stdout], [], [], 1.0)
            if readable:
                words = self.process.stdout.readline().split()
                if len(words) == 2 and words[0] == "port":
                    return int(words[1])
                break
        raise SimulationError(f"the simulated vehicle did not start: {self.complaint()}")

    def complaint(self) -> str:
        """The last line that the process wrote on standard error, if any."""
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
