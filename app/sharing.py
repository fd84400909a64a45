"""Who may steer: everybody on this machine, or with `--share` whoever opened the one-time link."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal

Role = Literal["operator", "viewer"]
COOKIE: Final = "iov_twin_operator"


class Sharing:
    """The one-time link and the cookies it was changed into.

    Args:
        announce: is given each new token, the first one at once; a token works a single time.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._sessions: list[str] = []
        self._token = ""
        self._renew()

    def _renew(self) -> None:
        self._token = secrets.token_urlsafe(24)
        self._announce(self._token)

    def redeem(self, token: str) -> str | None:
        """The `Set-Cookie` value for a token that has not been used yet, else None."""
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        session = secrets.token_urlsafe(24)
        self._sessions = [*self._sessions[-31:], session]
        self._renew()
        return f"{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/"

    def role(self, cookie_header: str) -> Role:
        """Operator if the cookies hold a session of ours, else viewer."""
        try:
            cookie = SimpleCookie(cookie_header).get(COOKIE)
        except CookieError:
            return "viewer"
        if cookie is None:
            return "viewer"
        given = cookie.value.encode()
        known = [hmac.compare_digest(given, session.encode()) for session in self._sessions]
        return "operator" if any(known) else "viewer"
