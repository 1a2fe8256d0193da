"""A flight's telemetry: where the vehicle and its camera were, one row a moment.

Columnar (one NumPy array a field), kept as Parquet. Written by the flight, read by the camera of
the virtual river and by the flown-track check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from geo.files import replacing
from patrol.errors import TelemetryError

__all__ = ["Telemetry"]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """N moments in time order; every field is an (N,) array.

    `time_s` is UTC as seconds since 1970 (vehicle clock); altitudes are above the launch site
    and above mean sea level; angles in degrees: `yaw` clockwise from north, `gimbal_pitch` -90
    straight down, and the gimbal's yaw is absolute. `mission_item` is the index of the mission
    item being flown; `recording` whether the camera films.
    """

    time_s: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    above_launch_m: NDArray[np.float64]
    msl_m: NDArray[np.float64]
    ground_speed_m_s: NDArray[np.float64]
    roll_deg: NDArray[np.float64]
    pitch_deg: NDArray[np.float64]
    yaw_deg: NDArray[np.float64]
    gimbal_roll_deg: NDArray[np.float64]
    gimbal_pitch_deg: NDArray[np.float64]
    gimbal_yaw_deg: NDArray[np.float64]
    battery_pct: NDArray[np.float64]
    mission_item: NDArray[np.int64]
    recording: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, field.name)) for field in fields(self)}
        if len(lengths) != 1:
            raise TelemetryError(f"telemetry columns differ in length: {sorted(lengths)}")
        if len(self) and np.any(np.diff(self.time_s) < 0):
            raise TelemetryError("telemetry times run backwards; sort them or mend the clock")

    def __len__(self) -> int:
        return len(self.time_s)

    def write(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Write Parquet, whole or not at all; `metadata` goes into the file's schema."""
        table = pa.table({field.name: getattr(self, field.name) for field in fields(self)})
        table = table.replace_schema_metadata(dict(metadata or {}))
        with replacing(path) as beside:
            pq.write_table(table, beside, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> Telemetry:
        """Read Parquet; raises TelemetryError where file or columns are not right."""
        try:
            table = pq.read_table(path)
        except FileNotFoundError:
            raise TelemetryError(f"{path}: no such file; run `patrol fly` first") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise TelemetryError(f"{path}: not a readable Parquet file ({error})") from None
        missing = [f.name for f in fields(cls) if f.name not in table.column_names]
        if missing:
            raise TelemetryError(f"{path}: columns missing: {', '.join(missing)}")
        columns = {f.name: table.column(f.name).to_numpy() for f in fields(cls)}
        numbers = [c for n, c in columns.items() if n not in ("mission_item", "recording")]
        if not all(np.all(np.isfinite(column)) for column in numbers):
            raise TelemetryError(f"{path}: a value is missing or not finite")
        return cls(**columns)
