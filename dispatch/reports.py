"""A report 上报: what was seen, where with its uncertainty, and on what evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dispatch.errors import ReportError
from dispatch.values import Json, is_plain_text, iso, parse_time_or_none
from geo.coordinates import LonLat
from geo.errors import CoordinateError, GeometryError
from geo.placing import CHI2_95_2D, Ellipse

__all__ = [
    "CommunityShare",
    "Covariance",
    "Report",
    "Violation",
    "already_reported",
    "covariance_of",
]

Covariance = tuple[tuple[float, float], tuple[float, float]]

_A_M, _E2 = 6_378_137.0, 6.694379990141e-3  # WGS-84: semi-major axis, eccentricity squared
_MOST_M2 = 1e8  # a standard deviation of 10 km
_TEXTS = ("patrol", "sighting", "grid", "river", "river_name", "suspicion", "evidence")
# The same footage analysed again dates a thing to within the time that it is in view; the same
# place flown again on another round is later than this.
_SAME_PASS = timedelta(minutes=30)


class Violation(StrEnum):
    """The classes of violation, in the detector's order."""

    OUTFALL = "outfall"
    DISCHARGE = "discharge"
    STRUCTURE = "structure"
    FLOATING_WASTE = "floating_waste"

    @property
    def name_zh(self) -> str:
        return _NAMES_ZH[self]


_NAMES_ZH = {
    Violation.OUTFALL: "排污口",
    Violation.DISCHARGE: "污水直排",
    Violation.STRUCTURE: "疑似违建",
    Violation.FLOATING_WASTE: "漂浮垃圾",
}


def covariance_of(rows: object, source: str) -> Covariance:
    """[[ee, en], [en, nn]] in square metres, checked: symmetric, positive definite, its 95 %
    ellipse at most 10 km long. Raises ReportError naming `source`."""
    try:
        matrix = np.array(rows, dtype=float)
        if not np.all(np.abs(matrix) <= _MOST_M2):
            raise ValueError("not finite, or beyond any position")
        ellipse = Ellipse.from_covariance(matrix)
    except (TypeError, ValueError, OverflowError, np.linalg.LinAlgError, GeometryError):
        raise ReportError(
            f"{source}: covariance_m2 must be [[ee, en], [en, nn]] in square metres, positive "
            f"definite, found {rows!r:.80}"
        ) from None
    if abs(matrix[0, 1] - matrix[1, 0]) > 1e-6 * (1 + abs(matrix[0, 1])):
        raise ReportError(f"{source}: covariance_m2 is not symmetric, found {rows!r:.80}")
    if not 0.01 <= ellipse.semi_minor_m <= ellipse.semi_major_m <= 10_000:
        raise ReportError(
            f"{source}: a 95 % ellipse of {ellipse.semi_major_m:.3g} by "
            f"{ellipse.semi_minor_m:.3g} m cannot be; expected 1 cm to 10 km"
        )
    (ee, en), (ne, nn) = matrix.tolist()
    return (ee, en), (ne, nn)


@dataclass(frozen=True, slots=True)
class CommunityShare:
    """The probability that the thing lies in a community; code None is outside all of them."""

    code: str | None
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Report:
    """One sighting handed in.

    `covariance_m2` is (2, 2) in east, north order; `communities` the most probable first;
    `river` the nearest one's code; `suspicion` says in one line why it is held to be a
    violation; `evidence` is a path inside the patrol's folder; the times are None where the
    footage does not tell them. Raises ReportError where a value cannot be.
    """

    patrol: str
    sighting: str
    violation: Violation
    confidence: float
    position: LonLat
    covariance_m2: Covariance
    communities: tuple[CommunityShare, ...]
    grid: str | None
    river: str | None
    river_name: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    views: int
    suspicion: str
    evidence: str | None = None
    evidence_sha256: str | None = None

    def __post_init__(self) -> None:
        source = f"sighting {self.sighting!r:.40}"
        for name in ("patrol", "sighting"):
            if not 0 < len(getattr(self, name)) <= 120:
                raise ReportError(f"{source}: {name!r} must be 1 to 120 characters long")
        texts = [getattr(self, name) for name in _TEXTS]
        texts += [text for share in self.communities for text in (share.code, share.name)]
        if not all(is_plain_text(text) for text in texts if text is not None):
            raise ReportError(f"{source}: a text holds control characters; write plain UTF-8")
        if not 0 <= self.confidence <= 1:
            raise ReportError(f"{source}: confidence must be 0 to 1, found {self.confidence}")
        self._check_times(source)
        if self.views < 1:
            raise ReportError(f"{source}: views must be at least 1, found {self.views}")
        if not self.communities or not all(0 <= s.probability <= 1 for s in self.communities):
            raise ReportError(f"{source}: community probabilities must be there, each 0 to 1")
        covariance_of(self.covariance_m2, source)

    def _check_times(self, source: str) -> None:
        first, last = self.first_seen, self.last_seen
        if first is None or last is None:
            if first is not last:
                raise ReportError(f"{source}: first_seen and last_seen go together; one is missing")
            return
        if first.tzinfo is None or last.tzinfo is None:
            raise ReportError(f"{source}: times must have a zone")
        if last < first:
            raise ReportError(
                f"{source}: last_seen {iso(last)} is before first_seen {iso(first)}"
            )  # fmt: skip

    @property
    def ellipse(self) -> Ellipse:
        return Ellipse.from_covariance(self.covariance_m2)

    @property
    def community(self) -> CommunityShare:
        """The most probable one, which may be 'outside all of them' (code None)."""
        return self.communities[0]

    def same_thing(self, other: Report) -> bool:
        """Whether two reports of one patrol can be one thing: same class, same pass, and the
        distance within the 95 % bound of the sum of both covariances (squared Mahalanobis
        distance against chi-square with two degrees of freedom)."""
        if self.violation != other.violation:
            return False
        if not (_starts_in_time(self, other) and _starts_in_time(other, self)):
            return False
        apart = _apart_m(self.position, other.position)
        summed = np.asarray(self.covariance_m2) + np.asarray(other.covariance_m2)
        return float(apart @ np.linalg.solve(summed, apart)) <= CHI2_95_2D

    def to_json(self) -> dict[str, Json]:
        document: dict[str, Json] = {f.name: getattr(self, f.name) for f in fields(self)}
        del document["position"]
        return document | {
            "violation": self.violation.value,
            "lon": self.position.lon_deg,
            "lat": self.position.lat_deg,
            "covariance_m2": [list(row) for row in self.covariance_m2],
            "communities": [
                {"code": s.code, "name": s.name, "probability": s.probability}
                for s in self.communities
            ],
            "first_seen": iso(self.first_seen) if self.first_seen else None,
            "last_seen": iso(self.last_seen) if self.last_seen else None,
        }

    @classmethod
    def from_json(cls, document: Json) -> Report:
        """The report that `to_json` wrote; raises ReportError for anything else."""
        try:
            (ee, en), (ne, nn) = document["covariance_m2"]
            rest = {
                name: document[name]
                for name in (
                    "patrol", "sighting", "confidence", "grid", "river", "river_name",
                    "views", "suspicion", "evidence", "evidence_sha256",
                )
            }  # fmt: skip
            return cls(
                violation=Violation(document["violation"]),
                position=LonLat(document["lon"], document["lat"]),
                covariance_m2=((ee, en), (ne, nn)),
                communities=tuple(
                    CommunityShare(s["code"], s["name"], s["probability"])
                    for s in document["communities"]
                ),
                first_seen=parse_time_or_none(document["first_seen"], "first_seen"),
                last_seen=parse_time_or_none(document["last_seen"], "last_seen"),
                **rest,
            )
        except (KeyError, TypeError, ValueError, AttributeError, CoordinateError) as error:
            raise ReportError(
                f"a stored report cannot be read ({type(error).__name__}: {error}); "
                "verify the ledger"
            ) from None


def already_reported(new: Sequence[Report], known: Sequence[Report]) -> list[int | None]:
    """For each new report of a patrol the index of the known one that it repeats, or None.

    Each known report is repeated at most once. The same sighting number goes first, so that a
    second intake of an unchanged file finds every one; after that the nearest in order, so that a
    patrol analysed again with other settings (and so numbered anew) opens no second case for a
    thing that has one.
    """
    found: list[int | None] = [None] * len(new)
    free = dict(enumerate(known))
    numbered = {(other.patrol, other.sighting): key for key, other in free.items()}
    for index, report in enumerate(new):
        key = numbered.get((report.patrol, report.sighting))
        if key in free and report.same_thing(free[key]):
            found[index] = key
            del free[key]
    for index, report in enumerate(new):
        if found[index] is None:
            matches = [
                (math.hypot(*_apart_m(report.position, other.position)), key)
                for key, other in free.items()
                if other.patrol == report.patrol and report.same_thing(other)
            ]
            if matches:
                found[index] = min(matches)[1]
                del free[min(matches)[1]]
    return found


def _starts_in_time(a: Report, b: Report) -> bool:
    """Whether a began no later than half an hour after b ended; true where that is not known."""
    return a.first_seen is None or b.last_seen is None or a.first_seen - _SAME_PASS <= b.last_seen


def _apart_m(a: LonLat, b: LonLat) -> NDArray[np.float64]:
    """(2,) east, north metres from a to b by the WGS-84 radii of curvature at the latitude
    between them: good to a millimetre within 100 m, and for telling that more is far."""
    latitude = math.radians((a.lat_deg + b.lat_deg) / 2)
    squeeze = 1 - _E2 * math.sin(latitude) ** 2
    prime_m = _A_M / math.sqrt(squeeze)
    meridian_m = _A_M * (1 - _E2) / squeeze**1.5
    east_deg = (b.lon_deg - a.lon_deg + 180) % 360 - 180
    return np.array(
        [
            math.radians(east_deg) * prime_m * math.cos(latitude),
            math.radians(b.lat_deg - a.lat_deg) * meridian_m,
        ]
    )
