"""What every answer carries and every request must: headers, hosts, origins."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SafeAnswers", "SameOriginWrites"]

# Styles inline: the component library writes its style sheets into the page. Workers from blob:,
# pictures from data: and blob: are what the map library makes. Nothing from another host.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "child-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_READS = ("GET", "HEAD", "OPTIONS", "TRACE")


class SafeAnswers:
    """Adds the security headers; what is not named by its own hash (the console's assets) is to
    be asked for again before a cached copy is shown."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/assets/"):
                    headers.setdefault("cache-control", "no-cache")
            await send(message)

        http = scope["type"] == "http"
        await self._app(scope, receive, send_with_headers if http else send)


class SameOriginWrites:
    """Refuses what another site's page could post here: an Origin that is not this host, or a
    body that is not declared as JSON (which a page may not send across sites unasked)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        problem: tuple[int, str] | None = None
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            problem = (403, f"跨站请求被拒绝: a page of {origin:.60} may not write here")
        elif kind != "application/json" and _has_body(headers):
            problem = (415, "请用 JSON: the body must be sent as application/json")
        if problem is not None:
            await JSONResponse({"detail": problem[1]}, problem[0])(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
