"""Missions in the formats of ground stations, one file a sortie."""

from __future__ import annotations

from patrol.export.qgroundcontrol import FORMATS, export_sorties

__all__ = ["FORMATS", "export_sorties"]
