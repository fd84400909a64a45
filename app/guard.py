"""The guard before everything: what no page of ours would send never reaches the server.

Checked in this order, HTTP and WebSocket alike: Host (421), Origin and Sec-Fetch-Site (403),
address (404) and verb (405); then for POST and DELETE: rate (429), role (403), content type (415),
length (411, 413), JSON (400). A DELETE may come without a body.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import envelope, routes, strict_json
from app.rate import TokenBuckets
from app.sharing import Sharing

MAX_BODY: Final = 64 * 1024
_BODY_TIMEOUT_S: Final = 10.0
_SAFE: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
logger = logging.getLogger("iov_twin.guard")


class RefusedError(Exception):
    """An answer given instead of passing the request on: a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the guard holds requests against.

    Attributes:
        hosts: values of the Host header that mean this server, port included, lower case.
        callbacks: Dash's registered callbacks.
        is_bundle: whether a script address belongs to the page.
        script_hashes: CSP hashes of the inline scripts of the page.
        sharing: tokens and roles when others may look; None when only this machine may connect.
        buckets: how often a client may post.
    """

    hosts: frozenset[str]
    callbacks: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
    is_bundle: Callable[[str], bool] = lambda _: True
    script_hashes: tuple[str, ...] = ()
    sharing: Sharing | None = None
    buckets: TokenBuckets = field(default_factory=TokenBuckets)


class Guard:
    """ASGI middleware that refuses what `Rules` do not allow and adds the security headers.

    Args:
        app: what requests that pass are handed to. rules: what is allowed.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope)
        guarded = _Hardened(send, self._policy(headers.one("host") or ""))
        try:
            if scope["type"] == "websocket":
                self._check_socket(scope, headers)
            else:
                receive = await self._check_http(scope, headers, receive)
                if await self._redeem(scope, guarded.send):
                    return
            await self._app(scope, receive, guarded.send)
        except RefusedError as refusal:
            await _refuse(scope, receive, guarded.send, refusal)
        except Exception:
            logger.exception("%s failed", scope["path"])
            if not guarded.started and scope["type"] == "http":
                await _refuse(
                    scope, receive, guarded.send, RefusedError(500, "The server failed here.")
                )

    def _check_socket(self, scope: Scope, headers: _Headers) -> None:
        self._check_source(headers, unsafe=True)
        if scope["path"] != routes.STREAM:
            raise RefusedError(404, "There is no such stream.")
        scope.setdefault("state", {})["role"] = self._role(headers)

    async def _check_http(self, scope: Scope, headers: _Headers, receive: Receive) -> Receive:
        method = scope["method"]
        self._check_source(headers, unsafe=method not in _SAFE)
        verbs = routes.verbs(scope["path"], self._rules.is_bundle)
        if not verbs:
            raise RefusedError(404, "There is nothing at this address.")
        if method not in verbs:
            raise RefusedError(405, f"This address takes {' and '.join(sorted(verbs))} only.")
        role = self._role(headers)
        scope.setdefault("state", {})["role"] = role
        if method in _SAFE:
            return receive
        client = (scope.get("client") or ("?",))[0]
        if not self._rules.buckets.take(client):
            raise RefusedError(429, "Too many requests: wait a second.")
        if role != "operator":
            raise RefusedError(403, "Viewers may look: open the link with the token to steer.")
        if method == "DELETE" and headers.announce_nothing:
            return receive
        body = await _body(headers, receive)
        try:
            value = strict_json.loads(body)
            if scope["path"] == routes.CALLBACK:
                envelope.check(value, self._rules.callbacks())
        except strict_json.JsonError as error:
            raise RefusedError(400, str(error)) from None
        if scope["path"] == routes.CALLBACK and scope.get("query_string"):
            raise RefusedError(400, "A callback takes no query.")
        scope["state"]["json"] = value
        return _replay(body, receive)

    def _check_source(self, headers: _Headers, *, unsafe: bool) -> None:
        host = headers.one("host")
        if host is None or host.lower() not in self._rules.hosts:
            raise RefusedError(421, "This server does not go by that name.")
        if headers.all("origin") not in ([], [f"http://{host}"]):
            raise RefusedError(403, "Requests from other sites are refused.")
        site, mode = headers.one("sec-fetch-site"), headers.one("sec-fetch-mode")
        visit = mode == "navigate" and not unsafe
        if headers.all("sec-fetch-site") and site not in _OWN_SITES and not visit:
            raise RefusedError(403, "Requests from other sites are refused.")

    def _role(self, headers: _Headers) -> str:
        sharing = self._rules.sharing
        return "operator" if sharing is None else sharing.role("; ".join(headers.all("cookie")))

    async def _redeem(self, scope: Scope, send: Send) -> bool:
        """Change the token of a one-time link into a cookie; True when that was the answer."""
        query = scope.get("query_string", b"")
        if (
            self._rules.sharing is None
            or scope["path"] not in routes.PAGES
            or b"token=" not in query
        ):
            return False
        token = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        cookie = self._rules.sharing.redeem(token)
        if cookie is None:
            raise RefusedError(
                403, "This link was used before: ask for the new one in the terminal."
            )
        headers = [
            (b"location", scope["path"].encode()),
            (b"set-cookie", cookie.encode()),
            (b"content-length", b"0"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return True

    def _policy(self, host: str) -> bytes:
        socket = f" ws://{host}" if host.lower() in self._rules.hosts else ""
        policy: str = (
            "default-src 'self'; "
            f"script-src 'self' {' '.join(self._rules.script_hashes)}; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
            f"connect-src 'self'{socket}; worker-src 'self' blob:; object-src 'none'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return policy.encode()


class _Headers:
    """The headers of a request; those that may come once are None when they come twice."""

    def __init__(self, scope: Scope) -> None:
        self._pairs = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    @property
    def announce_nothing(self) -> bool:
        """Whether no body follows."""
        announced = (*self.all("content-type"), *self.all("transfer-encoding"))
        return not announced and self.all("content-length") in ([], ["0"])


class _Hardened:
    """A `send` that adds the security headers, and knows whether an answer has begun."""

    def __init__(self, send: Send, policy: bytes) -> None:
        self._send, self.started = send, False
        self._headers = [
            (b"content-security-policy", policy),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.started = True
            kept = [(k, v) for k, v in message.get("headers", []) if k.lower() != b"server"]
            message = {**message, "headers": [*kept, *self._headers]}
        elif message["type"] == "websocket.accept":
            self.started = True
        await self._send(message)


async def _body(headers: _Headers, receive: Receive) -> bytes:
    if headers.one("content-type") != "application/json":
        raise RefusedError(415, "The content type must be application/json.")
    length = headers.one("content-length")
    if length is None or headers.all("transfer-encoding") or not length.isdecimal():
        raise RefusedError(411, "The request must say its content length.")
    if len(length) > 9 or int(length) > MAX_BODY:
        raise RefusedError(413, f"The request is longer than {MAX_BODY} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedError(400, "The request ended early.")
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise RefusedError(413, f"The request is longer than {MAX_BODY} bytes.")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise RefusedError(408, "The request did not arrive in time.") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then whatever comes after it."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: RefusedError) -> None:
    body = strict_json.dumps({"error": refusal.sentence}).encode()
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
