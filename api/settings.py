"""Settings of the server: from the command line, or from RIVER_PATROL_* in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["CONSOLE", "Settings"]

CONSOLE = Path(__file__).resolve().parent / "console" / "dist"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


class Settings(BaseSettings):
    """`patrols` are patrol folders, or folders of them; `console` the built web console."""

    model_config = SettingsConfigDict(env_prefix="RIVER_PATROL_", frozen=True)

    area: Path
    patrols: tuple[Path, ...]
    database: str
    host: str = "127.0.0.1"
    port: int = 8000
    console: Path = CONSOLE
    allowed_hosts: tuple[str, ...] = ()

    @property
    def trusted_hosts(self) -> list[str]:
        """Names that a request may address (against DNS rebinding). A server that listens
        beyond this machine without `allowed_hosts` takes any."""
        if self.allowed_hosts:
            return [*self.allowed_hosts, *_LOOPBACK]
        return list(_LOOPBACK) if self.host in _LOOPBACK else ["*"]
