"""How often one client may send: a token bucket for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class TokenBuckets:
    """Allows `burst` messages at once and `per_second` in the long run, client by client.

    Args:
        per_second: tokens that come back each second. burst: tokens of a full bucket.
        clients: most clients remembered; the longest silent one is forgotten first.
        clock: seconds that never go backwards.
    """

    def __init__(
        self,
        per_second: float = 20.0,
        burst: float = 40.0,
        clients: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second, self._burst, self._clients, self._clock = (
            per_second,
            burst,
            clients,
            clock,
        )
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> bool:
        """Take one token of `client`; False when there is none."""
        now = self._clock()
        tokens, since = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_second)
        allowed = tokens >= 1.0
        self._buckets[client] = (tokens - 1.0 if allowed else tokens, now)
        while len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return allowed
