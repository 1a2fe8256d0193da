"""A client that asks an application in this process, with no port in between."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

__all__ = ["Client"]


class Client:
    """`get` and `post` as httpx has them; leaving it closes the application's database."""

    def __init__(self, app: FastAPI, base_url: str = "http://127.0.0.1:8000") -> None:
        self.app = app
        self.base_url = base_url

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.app.state.context.store.close()

    def get(self, path: str, **other: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **other))

    def post(self, path: str, **other: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **other))

    async def _ask(self, method: str, path: str, **other: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
            return await client.request(method, path, **other)
