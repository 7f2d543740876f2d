"""Who may ask: a token, a known host, the page itself as origin. And what a browser may do with answers.

A page of another site can send requests to loopback, and a name of another site can be
made to mean loopback. So a request must know the token, by cookie (which is not sent along
from other sites) or header; must be for a host that cannot be another site's name; and, if
it changes something, must come from our own page.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing from elsewhere, no inline script; what records contain is shown as text or in a sandbox.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """An application around the application."""

    def __init__(
        self, app: ASGIApp, token: str | None, *, hosts: Iterable[str] = (), prefix: str = ""
    ) -> None:
        """Let in who knows the token.

        Args:
            token: None lets everybody in who reaches the address.
            hosts: Names by which a proxy, or the network, knows this machine.
            prefix: The path under which a proxy shows the page, if it passes it on.
        """
        self._app = app
        self._token = token
        self._hosts = {"localhost", socket.gethostname().lower(), *(host.lower() for host in hosts)}
        self._prefix = prefix.rstrip("/")
        # Cookies are not kept apart by port: two servers at once need two names.
        mark = hashlib.blake2s((token or "").encode(), digest_size=5).hexdigest()
        self._cookie = f"tracker-{mark}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        self._strip_prefix(scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    def _strip_prefix(self, scope: Scope) -> None:
        path = scope["path"]
        if self._prefix and (path == self._prefix or path.startswith(self._prefix + "/")):
            scope["path"] = path[len(self._prefix) :] or "/"
            scope["raw_path"] = scope["path"].encode()

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._knows_host(host):
            return _refuse(
                421, f"this server does not answer for the host {host!r}", "tracker ui --allow-host NAME"
            )
        if scope["method"] not in _SAFE and not self._is_own_page(headers, host):
            return _refuse(403, "changes are taken from the page itself only", None)
        if self._token is None:
            return None
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if "token" in given and scope["path"] == "/" and self._is_token(given["token"]):
            return self._let_in(given)
        if self._is_token(self._token_of(headers)):
            return None
        return _refuse(
            401,
            "the address of this page needs its token",
            "open the whole address that `tracker ui` printed",
            as_page=scope["path"] == "/",
        )

    def _knows_host(self, host: str) -> bool:
        """Whether a Host header names this machine; an address of digits is no site's name."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return False
        if name in self._hosts or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_own_page(self, headers: Headers, host: str) -> bool:
        """Browsers say where a request comes from, and no page can change that; others say nothing."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == host

    def _token_of(self, headers: Headers) -> str:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return given.strip()
        return cookie_parser(headers.get("cookie", "")).get(self._cookie, "")

    def _is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def _let_in(self, given: dict[str, str]) -> Response:
        """Keep the token in a cookie and take it out of the address.

        Without a path the cookie holds for the folder of the address, whatever prefix a
        proxy puts before it.
        """
        rest = urlencode([(name, value) for name, value in given.items() if name != "token"])
        response = Response(status_code=303, headers={"location": f"./?{rest}" if rest else "./"})
        response.headers["set-cookie"] = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict"
        return response


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


def _refuse(status: int, message: str, hint: str | None, *, as_page: bool = False) -> Response:
    if as_page:
        return Response(f"{message}\n{hint}\n", status, media_type="text/plain")
    body = json.dumps({"error": "refused", "message": message, "hint": hint})
    return Response(body, status, media_type="application/json")
