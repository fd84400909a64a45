"""One tab on the stream: what waits for it, whether it is ready for a frame, what it looks at."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.websockets import WebSocket

#: A tab that does not take a message for so long is let go.
BEHIND_S: Final = 5.0
#: The order in which waiting messages go out; `hello` says how to read the rest.
_ORDER: Final = ("hello", "status", "control", "error", "inspect", "metrics", "learning")
#: Kinds of messages that tell a history: each goes on where the last one of its kind ended.
HISTORIES: Final = ("metrics", "learning")


class Tab:
    """A connected tab.

    Attributes:
        role: `operator` or `viewer`.
        arm: scheme shown on its map, or the schemes of its several maps.
        key: what it inspects, "" for nothing.
        shown: number of the frame sent last.
        unacknowledged: the same until the tab has drawn it.
        after: for each of `HISTORIES`, number of the last thing that it was given.
    """

    def __init__(self, socket: WebSocket, role: str) -> None:
        self.role, self.key = role, ""
        self.arm: str | tuple[str, ...] = ""
        self.shown = -1
        self.after = dict.fromkeys(HISTORIES, -1)
        self.unacknowledged: int | None = None
        self._socket = socket
        self._waiting: dict[str, str | bytes] = {}
        self._awake = asyncio.Event()

    def put(self, kind: str, message: str | bytes) -> None:
        """Let `message` take the place of an older one of its kind."""
        self._waiting[kind] = message
        self._awake.set()

    def drop(self, kind: str) -> None:
        """Forget a message that waits."""
        self._waiting.pop(kind, None)

    def forget_histories(self) -> None:
        """Give it all histories from their beginning."""
        for kind in HISTORIES:
            self.drop(kind)
            self.after[kind] = -1

    def waits(self, kind: str) -> bool:
        """Whether a message of this kind has not gone out yet."""
        return kind in self._waiting

    def take(self) -> str | bytes | None:
        """The next message to send, None when nothing waits."""
        return next((self._waiting.pop(k) for k in _ORDER if k in self._waiting), None)

    def wake(self) -> None:
        """Let the sender look again."""
        self._awake.set()

    async def awake(self) -> None:
        """Wait until there may be something to send."""
        await self._awake.wait()
        self._awake.clear()

    def acknowledge(self, seq: int) -> None:
        """The tab has drawn frame `seq`; one that was not sent to it changes nothing."""
        if seq == self.unacknowledged:
            self.unacknowledged = None
            self.wake()

    def wants(self, seq: int) -> bool:
        """Whether frame `seq` is to be sent: it is new to the tab, and the last one was drawn."""
        return self.unacknowledged is None and seq != self.shown

    async def send(self, message: str | bytes) -> None:
        """Send at once.

        Raises:
            TimeoutError: the tab has not taken it for `BEHIND_S`.
        """
        async with asyncio.timeout(BEHIND_S):
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
