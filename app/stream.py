"""The stream to the tabs: one reader of the store, the newest frame to whoever is ready for it.

Nothing queues. Each tab has one place per kind of message, which holds the newest; a frame goes out
only after the last one was acknowledged. Reads take microseconds and happen in the event loop;
reading metrics and writing to the store happen in threads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from app import messages, strict_json
from app.rate import TokenBuckets
from app.tab import HISTORIES, Tab
from engine import wire
from engine.disk import StoreError
from engine.metrics import METRICS
from engine.store import MAX_WATCHED, Store

MAX_TABS: Final = 100
POLL_S: Final = 0.01
#: Between two looks at status and control, and while something is inspected.
_STATE_S: Final = 0.25
_INSPECT_S: Final = 0.1
_HISTORY_S: Final = 1.0
#: A tab hears at least so often that the server lives.
_QUIET_S: Final = 2.0
_ROWS: Final = 100_000
logger = logging.getLogger("iov_twin.stream")


class Hub:
    """Reads the store once for all tabs and gives each what it is ready for.

    Args:
        store: what the engine writes.
        overlay: turns the engine's status into the one to show, given that the engine may have died
            since it wrote it.
    """

    def __init__(
        self, store: Store, overlay: Callable[[dict[str, Any]], dict[str, Any]] = lambda s: s
    ) -> None:
        self._store, self._overlay = store, overlay
        self._tabs: set[Tab] = set()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "histories")
        self._tasks: set[asyncio.Task[None]] = set()
        self._frame: tuple[int, bytes] | None = None
        self._arms: list[str] = []
        self._sliced: dict[int | tuple[int, ...], bytes] = {}
        self._status: dict[str, Any] = {}
        self._scenery = ""
        self._texts: dict[str, str] = {}
        self._spoken_at = 0.0
        self._watched: list[str] | None = None
        self._is_writing = False
        self._inbound = TokenBuckets(per_second=200.0, burst=400.0)

    def start(self) -> None:
        """Begin to read the store; needs a running event loop."""
        self._tasks.add(asyncio.create_task(self._run()))

    async def stop(self) -> None:
        """End reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def status(self) -> dict[str, Any]:
        """The status to show now."""
        status = self._overlay(self._store.status())
        trouble = self._store.trouble
        return {**status, "message": trouble} if trouble else status

    # Reading the store

    async def _run(self) -> None:
        state_at = history_at = 0.0
        while True:
            if not self._tabs:
                self._arrived.clear()
                await self._arrived.wait()
                state_at = history_at = 0.0
            now = time.monotonic()
            try:
                self._read_frame()
                if now >= state_at:
                    state_at = now + (_INSPECT_S if self._watched else _STATE_S)
                    self._read_state(now)
                if now >= history_at:
                    history_at = now + _HISTORY_S
                    await self._read_histories()
            except Exception:
                logger.exception("reading the store failed")
                await asyncio.sleep(_HISTORY_S)
            await asyncio.sleep(POLL_S)

    def _read_frame(self) -> None:
        seq = self._store.seq()
        if self._frame is not None and seq == self._frame[0]:
            return
        found = self._store.frame()
        if found is None:
            return
        self._read_status()
        run, head = self._status.get("run"), wire.header(found[1])
        if not run or head.run != wire.run_code(run):
            return  # left over from an earlier run
        self._frame, self._sliced = found, {}
        self._arms = messages.map_schemes(self._status, head.arms)
        for tab in self._tabs:
            tab.wake()

    def _read_status(self) -> None:
        before, self._status = (self._status, self._scenery), self.status()
        run = str(self._status.get("run", ""))
        if run != self._scenery:
            self._scenery = run if run and self._store.static(run) is not None else ""
        same = all(before[0].get(key) == self._status.get(key) for key in ("run", "stage"))
        if not same or before[1] != self._scenery:
            for tab in self._tabs:
                self._greet(tab)

    def _read_state(self, now: float) -> None:
        if now >= self._spoken_at + _QUIET_S:
            self._texts.pop("status", None)
        self._read_status()
        said = {key: value for key, value in self._status.items() if key != "heartbeat"}
        if self._spread("status", self._status, news=said):
            self._spoken_at = now
        self._spread("control", self._store.control())
        self._watch()
        for key in self._watched or ():
            content = self._store.inspect(key)
            if content is not None:
                # A message's `type` says what it is; the vehicle's own moves aside.
                about = {**content, "vehicle_type": content.get("type")}
                self._spread("inspect", about, key)

    def _spread(
        self, kind: str, content: Mapping[str, Any], key: str = "", news: object = None
    ) -> bool:
        """Give `content` to the tabs it concerns if it, or `news` in its place, has changed."""
        message = {**content, "type": kind, **({"key": key} if key else {})}
        text = strict_json.dumps(message)
        judged = text if news is None else strict_json.dumps(news)
        if self._texts.get(kind + key) == judged:
            return False
        self._texts[kind + key] = judged
        for tab in self._tabs:
            if tab.key == key or not key:
                tab.put(kind, text)
        return True

    async def _read_histories(self) -> None:
        """Give every tab what it has not got, read once for all that are equally far."""
        run, stage = str(self._status.get("run", "")), list(self._status.get("stage", []))
        for kind in HISTORIES if run else ():
            groups: dict[int, list[Tab]] = {}
            for tab in self._tabs:
                if not tab.waits(kind):
                    groups.setdefault(tab.after[kind], []).append(tab)
            for after, tabs in groups.items():
                last, batch = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._batch, kind, run, stage, after
                )
                if self._status.get("stage") != stage or self._status.get("run") != run:
                    return
                for tab in tabs:
                    if last >= 0 and tab.after[kind] == after:
                        tab.after[kind] = last
                        tab.put(kind, batch)

    def _batch(self, kind: str, run: str, stage: list[str], after: int) -> tuple[int, str | bytes]:
        """Last number and message of what comes after `after`; -1 when there is nothing."""
        if kind == "learning":
            entries = self._store.learning(run, after) if self._store.learnt(run) != after else []
            return messages.learning_batch(run, entries) if entries else (-1, "")
        steps, _, values = self._store.metrics(run, after=after, limit=_ROWS, schemes=stage)
        if not len(steps):
            return -1, b""
        kept = messages.decimated(len(steps))
        return int(steps[-1]), messages.metrics_batch(run, steps[kept], values[kept])

    def _watch(self) -> None:
        """Tell the engine what the tabs look at, all of them together, when that has changed."""
        keys = sorted({tab.key for tab in self._tabs if tab.key})[:MAX_WATCHED]
        if keys == self._watched:
            return
        self._watched = keys
        if not self._is_writing:
            task = asyncio.create_task(self._write_watched())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write_watched(self) -> None:
        """Write one wish after the other, so that the newest one is written last."""
        self._is_writing, written = True, None
        try:
            while self._watched is not None and written != self._watched:
                written = self._watched
                await asyncio.to_thread(self._store.watch, written)
        except StoreError as error:
            logger.warning("%s", error)
            self._watched = None
        finally:
            self._is_writing = False

    # Serving one tab

    async def serve(self, socket: WebSocket) -> None:
        """Stream to one tab until it goes, stops reading, or the server ends."""
        await socket.accept()
        if len(self._tabs) >= MAX_TABS:
            await socket.close(1013, "Too many tabs are open.")
            return
        tab = Tab(socket, str(socket.scope.get("state", {}).get("role", "viewer")))
        self._tabs.add(tab)
        self._status = self._status or self.status()
        self._greet(tab)
        self._arrived.set()
        tasks = [asyncio.create_task(self._send(tab)), asyncio.create_task(self._hear(tab, socket))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._tabs.discard(tab)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _greet(self, tab: Tab) -> None:
        """Say what the run is, and start its histories anew."""
        run = str(self._status.get("run", ""))
        hello = {
            "type": "hello", "run": run, "stage": self._status.get("stage", []),
            "metrics": list(METRICS), "role": tab.role,
            "static": f"/live/static/{run}" if run and run == self._scenery else None,
        }  # fmt: skip
        tab.forget_histories()
        tab.put("hello", strict_json.dumps(hello))
        tab.put("status", strict_json.dumps({**self._status, "type": "status"}))
        tab.put("control", strict_json.dumps({**self._store.control(), "type": "control"}))

    async def _hear(self, tab: Tab, socket: WebSocket) -> None:
        """Obey what the tab says, until it goes or says too much."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._inbound.take(str(id(tab))):
                await socket.close(1008, "Too many messages.")
                return
            try:
                self._obey(tab, messages.read(message.get("text") or message.get("bytes") or b""))
            except messages.MessageError as error:
                tab.put("error", strict_json.dumps({"type": "error", "text": str(error)}))

    def _obey(
        self, tab: Tab, wish: messages.Ack | messages.Arm | messages.Arms | messages.Select
    ) -> None:
        if isinstance(wish, messages.Ack):
            tab.acknowledge(wish.seq)
        elif isinstance(wish, messages.Arm | messages.Arms):
            tab.arm = wish.scheme if isinstance(wish, messages.Arm) else wish.schemes
            tab.shown = -1
            tab.wake()
        else:
            tab.key = self._key(wish)
            tab.drop("inspect")
            self._texts.pop("inspect" + tab.key, None)
            self._watch()

    def _key(self, wish: messages.Select) -> str:
        """What the engine calls the selected thing; a slot means the vehicle that is in it now."""
        if wish.kind == "nothing":
            return ""
        if wish.kind == "rsu":
            return f"r:{wish.index}"
        if wish.kind == "vehicle":
            return f"v:{wish.index}"
        if self._frame is not None:
            slots = wire.slots(self._frame[1]).tolist()
            if wish.index in slots:
                return f"v:{wire.vehicle_ids(self._frame[1])[slots.index(wish.index)]}"
        raise messages.MessageError("There is no vehicle in this slot now.")

    async def _send(self, tab: Tab) -> None:
        """Send what waits, and frames as the tab is ready for them; ends when it cannot."""
        try:
            while True:
                await tab.awake()
                while (message := tab.take()) is not None:
                    await tab.send(message)
                if self._frame is not None and tab.wants(self._frame[0]):
                    tab.shown = tab.unacknowledged = self._frame[0]
                    await tab.send(self._slice(self._frame[1], tab.arm))
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError) as error:
            logger.debug("a tab is let go: %r", error)

    def _slice(self, frame: bytes, wanted: str | tuple[str, ...]) -> bytes:
        """The newest frame as a tab wants it, cut once for all tabs that want the same.

        With the arm of the scheme `wanted`, else with the first; or with the arms of all schemes
        `wanted` that are on stage.
        """
        if isinstance(wanted, tuple):
            arms = tuple(self._arms.index(name) for name in wanted if name in self._arms)
            if arms not in self._sliced:
                self._sliced[arms] = wire.several_frame(frame, arms)
            return self._sliced[arms]
        arm = self._arms.index(wanted) if wanted in self._arms else 0
        if arm not in self._sliced:
            some = wire.header(frame).arms
            self._sliced[arm] = wire.sent_frame(frame, arm) if some else messages.bare_frame(frame)
        return self._sliced[arm]
