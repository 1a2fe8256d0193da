"""Errors of the dispatch package.

geo.errors.PatrolError
└── DispatchError
    ├── DepartmentError    the departments file lacks who handles what
    ├── ReportError        a sightings file or report that cannot be taken in
    ├── CaseError          a step that the case's state does not allow
    └── StoreError         the database cannot be opened or written
"""

from __future__ import annotations

from geo.errors import PatrolError

__all__ = [
    "CaseError",
    "DepartmentError",
    "DispatchError",
    "NoSuchCaseError",
    "PatrolError",
    "ReportError",
    "StoreError",
]


class DispatchError(PatrolError):
    """Any error of the dispatch package."""


class DepartmentError(DispatchError):
    """The departments file cannot be used."""


class ReportError(DispatchError):
    """A sighting or report that cannot be taken in."""


class CaseError(DispatchError):
    """A step that the case's state does not allow."""


class NoSuchCaseError(CaseError):
    """There is no case of this number."""


class StoreError(DispatchError):
    """The database cannot be opened or written."""
