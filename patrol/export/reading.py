"""Strict reading of mission files: every problem is one PlanFileError that names file and field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from geo.coordinates import LonLat
from geo.errors import CoordinateError
from patrol.errors import PlanFileError
from patrol.export.route import CameraFacts
from patrol.mission import grid_position, on_grid, one_line

__all__ = ["LARGEST_BYTES", "MOST_POINTS", "Source", "one_file", "stem"]

LARGEST_BYTES = 32_000_000
MOST_POINTS = 65_535
_FAR_M = 20_000.0


def stem(name: str) -> str:
    """A file's name without its suffix."""
    return name.rsplit(".", 1)[0] if "." in name else name


def one_file(files: Mapping[str, bytes]) -> tuple[Source, bytes]:
    """The only file of a format that writes one."""
    if len(files) != 1:
        raise PlanFileError(f"expected one mission file, found {len(files)}")
    [(name, data)] = files.items()
    if len(data) > LARGEST_BYTES:
        raise PlanFileError(
            f"{name}: {len(data) / 1e6:.0f} MB are more than a mission has "
            f"({LARGEST_BYTES / 1e6:.0f} MB)"
        )
    return Source(name), data


@dataclass(frozen=True, slots=True)
class Source:
    """A file being read; its name begins every message."""

    name: str

    def fail(self, field: str, expected: str, found: object = None) -> NoReturn:
        """Raise PlanFileError: the field, what was expected, what was found (cut to one line)."""
        text = " ".join(str(found).split()) if found is not None else ""
        told = f", found {text[:80]}" if text else ""
        raise PlanFileError(f"{self.name}: {field}: expected {expected}{told}")

    def number(self, value: object, field: str, low: float, high: float) -> float:
        """A finite number within bounds, from a number or its text."""
        number = math.nan
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                number = float(value)
            except (ValueError, OverflowError):
                number = math.nan
        if not low <= number <= high:
            self.fail(field, f"a number from {low:g} to {high:g}", value)
        return number

    def whole(self, value: object, field: str, low: int, high: int) -> int:
        """A whole number within bounds."""
        number = self.number(value, field, low, high)
        if number != int(number):
            self.fail(field, "a whole number", value)
        return int(number)

    def metres(self, value: object, field: str, low: float = -_FAR_M) -> float:
        """A height or a distance, on the files' grid."""
        return on_grid(self.number(value, field, low, _FAR_M))

    def speed(self, value: object, field: str) -> float:
        """A speed in m/s, on the files' grid."""
        return on_grid(self.number(value, field, 0.001, 100.0))

    def angle(self, value: object, field: str) -> float:
        """A gimbal pitch in degrees, on the files' grid."""
        return on_grid(self.number(value, field, -180.0, 180.0))

    def position(self, lon: object, lat: object, field: str) -> LonLat:
        """A WGS-84 position, on the files' grid."""
        try:
            return grid_position(
                LonLat(
                    self.number(lon, f"{field} longitude", -1e6, 1e6),
                    self.number(lat, f"{field} latitude", -1e6, 1e6),
                )
            )
        except CoordinateError as error:
            raise PlanFileError(f"{self.name}: {field}: {error}") from None

    def text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PlanFileError(f"{self.name}: not UTF-8 text ({error.reason})") from None

    def json(self, data: bytes) -> dict[str, Any]:
        """The JSON object that the file holds."""
        try:
            document = json.loads(self.text(data), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            text = " ".join(str(error).split())
            raise PlanFileError(f"{self.name}: not valid JSON ({text})") from None
        return self.record(document, "file")

    def record(self, value: object, field: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(field, "an object", type(value).__name__)
        return value

    def rows(self, value: object, field: str, least: int = 0, most: int = 1_000_000) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            found = len(value) if isinstance(value, list) else type(value).__name__
            self.fail(field, f"a list of {least} to {most}", found)
        return value

    def name_text(self, value: object, field: str) -> str:
        """A name as it is written: one line of printable characters, at most 200."""
        if not isinstance(value, str) or one_line(value) != value:
            found = ascii(value) if isinstance(value, str) else type(value).__name__
            self.fail(field, "a text of one line", found)
        return value

    def camera(self, row: Mapping[str, Any], keys: Mapping[str, str], where: str) -> CameraFacts:
        """A camera's figures; `keys` says what the file calls those of `CameraFacts`."""

        def number(name: str, low: float, high: float, decimals: int) -> float:
            value = self.number(row.get(keys[name]), f"{where}.{keys[name]}", low, high)
            return on_grid(value, decimals)

        def whole(name: str) -> int:
            return self.whole(row.get(keys[name]), f"{where}.{keys[name]}", 1, 100_000)

        return CameraFacts(
            name=self.name_text(row.get(keys["name"]), f"{where}.{keys['name']}"),
            sensor_width_mm=number("sensor_width_mm", 0.01, 1000.0, 4),
            sensor_height_mm=number("sensor_height_mm", 0.01, 1000.0, 4),
            focal_mm=number("focal_mm", 0.01, 10_000.0, 4),
            width_px=whole("width_px"),
            height_px=whole("height_px"),
            interval_s=number("interval_s", 0.0, 1000.0, 3),
            sidelap_pct=number("sidelap_pct", 0.0, 99.0, 2),
        )

    def xml(self, data: bytes) -> Element:
        """The root of an XML document without a DTD."""
        try:
            root: Element = fromstring(data, forbid_dtd=True)
        except DefusedXmlException:
            raise PlanFileError(f"{self.name}: XML with a DTD or entities is not read") from None
        except (ParseError, ValueError, LookupError) as error:
            text = " ".join(str(error).split())
            raise PlanFileError(f"{self.name}: not valid XML ({text})") from None
        return root


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
