"""What the handlers share: the store, the study area, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from api.intake import District
from api.patrols import PatrolFolder, find_patrols
from api.schemas import AreaPublic
from api.settings import Settings
from dispatch.store import Store

__all__ = ["Clock", "Context", "ContextDep", "system_clock"]

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    district: District
    area: AreaPublic
    store: Store
    clock: Clock

    def patrols(self) -> dict[str, PatrolFolder]:
        return find_patrols(self.settings.patrols)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(_context)]
