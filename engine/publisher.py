"""The engine's side of the store: the one writer of what is shown and recorded.

Frames may be dropped, metrics may not: a metrics row that cannot be written now stays in memory and
is written with the next one. When the folder is deleted or the database turns out corrupt, a new
one is begun and what memory holds of the run is written again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from engine import rows
from engine.disk import (
    Box,
    Plain,
    StoreCorruptError,
    StoreError,
    private_folder,
    set_aside_since,
    to_json,
)
from engine.learning_log import LearningLog
from engine.lock import HeldError, hold
from engine.rows import CHUNK, F32
from engine.store import LOCK, SCHEMA, Store, change_key, chunk_key, ring_key

logger = logging.getLogger(__name__)

#: Records of metrics that memory holds for writing again: 65 536 steps, some 16 MB at five schemes.
_HELD: Final = 1024
#: Most records written in one step when catching up.
_CATCH_UP: Final = 16
_FRESH_S: Final = 60.0
#: A loop that says nothing this long hangs, whatever else still runs in its process.
_HANGS_S: Final = 30.0


class StoreTakenError(StoreError):
    """Another engine works on this store, or a newer program made it."""


class Publisher(Store):
    """The store as the engine writes it; at most one at a time on one folder.

    Raises:
        StoreTakenError: another engine has it, or its layout is newer than this program.
        StoreError: it cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        folder = Path(path).expanduser().resolve()
        try:
            private_folder(folder)
            self._lock = _locked(folder)
        except OSError as error:
            raise StoreError(
                f"The store {folder} cannot be written ({os.strerror(error.errno or 0)}): "
                "choose another folder with --store."
            ) from None
        super().__init__(folder)
        self._check_schema()
        self.run_id = ""
        self._about: dict[str, Any] = {}
        self._static = b""
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._unwritten: OrderedDict[int, None] = OrderedDict()
        self._learnt = LearningLog("")
        self._changes: list[bytes] = []
        self._last_change: tuple[int, int | None] = (-1, None)
        self._logged = 0
        self._inspected: set[str] = set()
        self._said = time.monotonic()
        self._next_seq = self.seq() + 1
        self._inodes = (self._live.inode, self._record.inode)
        self._in_trouble: set[Box] = set()
        self._notices = [
            f"The store's {name.split('.')[0]} database was corrupt; it was set aside as {name} "
            "and a new one begun."
            for name in set_aside_since(folder, _FRESH_S)
        ]

    @property
    def next_seq(self) -> int:
        """Number that the next frame must carry."""
        return self._next_seq

    def close(self) -> None:
        """Write what is still held, close and let another engine have the store."""
        self.write_waiting()
        super().close()
        self._lock.close()

    def begin_run(self, run: str, about: Mapping[str, Any], static: bytes) -> None:
        """Record a new run; its metrics, changes and what is learnt follow.

        Args:
            run: id, lower case letters, digits and dashes.
            about: JSON-ready facts: seed, params, stage, mobility.
            static: scenery as JSON for the page.
        """
        self.write_waiting()
        self.run_id = run
        stages = [list(about["stage"])]
        self._about = {
            **about, "run": run, "created": time.time(), "stages": stages, "changes": 0
        }  # fmt: skip
        self._static = static
        self._chunks.clear()
        self._unwritten.clear()
        self._learnt = LearningLog(run)
        self._changes.clear()
        self._logged = 0
        self._guarded(self._record, self._write_run)

    def _write_run(self) -> None:
        ids = self._record.get_json("runs") or []
        about = to_json(self._about)
        known: dict[str, Plain] = {f"run:{self.run_id}": about}
        if self.run_id not in ids:
            known["runs"] = to_json([*ids, self.run_id])
        for number in range(self._logged, len(self._changes)):
            known[change_key(self.run_id, number)] = self._changes[number]
        self._record.put(known)
        self._logged = len(self._changes)
        self._live.put({f"static:{self.run_id}": self._static})

    def show(self, frame: bytes, status: Mapping[str, Any] | None) -> bool:
        """Publish a frame, which carries `next_seq`, with the status if it is due.

        Returns:
            False when it was dropped.
        """
        seq = self._next_seq
        self._next_seq += 1
        values: dict[str, Plain] = {ring_key(seq): frame, "seq": seq}
        if status is not None:
            values["status"] = self._stamped(status)
        return self._guarded(self._live, lambda: self._live.put(values))

    def say(self, status: Mapping[str, Any]) -> bool:
        """Publish the status alone; False when it could not be written."""
        return self._guarded(self._live, lambda: self._live.put({"status": self._stamped(status)}))

    def beat(self) -> None:
        """Say that the process lives and gets on; a signal handler may call it."""
        if time.monotonic() - self._said > _HANGS_S:
            return
        with contextlib.suppress(OSError):
            os.utime(self.path / LOCK)

    def record(self, step: int, stage: Sequence[str], values: F32, *, later: bool = False) -> bool:
        """Append one step's metrics.

        Args:
            step: above all steps recorded in this run.
            stage: scheme names.
            values: (schemes, len(METRICS)).
            later: leave it in memory for the next `write_waiting`.

        Returns:
            True when it is kept for good; False when it waits in memory.
        """
        names = list(stage)
        stages = self._about["stages"]
        if names not in stages:
            stages.append(names)
            self._guarded(self._record, self._write_run)
        number = step // CHUNK
        self._chunks[number] = rows.append(
            self._chunks.get(number, b""), step, stages.index(names), values
        )
        self._unwritten[number] = None
        self._about["last"] = step
        while len(self._chunks) > _HELD:
            old, _ = self._chunks.popitem(last=False)
            if old in self._unwritten:
                del self._unwritten[old]
                self.notice(
                    f"Steps {old * CHUNK} to {old * CHUNK + CHUNK - 1} could not be recorded."
                )
        return not later and self.write_waiting()

    def write_waiting(self) -> bool:
        """Write the metrics and what was learnt that wait in memory; False when it failed."""
        return self._guarded(self._record, self._write_metrics) and self._guarded(
            self._record, self._write_learnt
        )

    def learned(self, entries: Sequence[Mapping[str, Any]], *, later: bool = False) -> bool:
        """Append to the log of what was learnt, see `engine.learning_log`.

        Args:
            entries: in order; each gets the next number of this run as `i`.
            later: leave the writing to `write_waiting`.

        Returns:
            True when they are kept; False when they wait in memory.
        """
        for content in entries:
            self._learnt.append(content)
        return not later and self._guarded(self._record, self._write_learnt)

    def log_change(self, change: Mapping[str, Any]) -> None:
        """Append an applied change to the log, in place of one of the same step and segment."""
        place = (change["step"], change.get("segment"))
        if self._changes and place == self._last_change:
            self._changes.pop()
            self._logged = min(self._logged, len(self._changes))
        self._last_change = place
        self._changes.append(to_json(change))
        self._about["changes"] = len(self._changes)
        self._guarded(self._record, self._write_run)

    def explain(self, found: Mapping[str, Any]) -> None:
        """Publish what was found for each watched key, and drop all others."""
        gone = tuple(f"i:{key}" for key in self._inspected - set(found))
        self._inspected = set(found)
        if found or gone:
            values: dict[str, Plain] = {f"i:{key}": to_json(value) for key, value in found.items()}
            self._guarded(self._live, lambda: self._live.put(values, remove=gone))

    def notice(self, text: str) -> None:
        """Keep a sentence for `take_notices`."""
        self._notices.append(text)

    def take_notices(self) -> list[str]:
        """What happened to the store since the last call, one sentence each."""
        taken, self._notices = self._notices, []
        return taken

    def tend(self) -> None:
        """Notice a replaced folder and write again what memory holds; call it each second."""
        try:
            inodes = (self._live.inode, self._record.inode)
        except StoreError as error:
            self._trouble(self._live, error)
            return
        if inodes == self._inodes:
            return
        self._inodes = inodes
        self._lock.close()
        self._lock = _locked(self.path)
        self._begin_again("The store's folder was deleted; a new one was begun.")

    def _begin_again(self, why: str) -> None:
        self.notice(why)
        logger.warning("%s", why)
        self._unwritten = OrderedDict.fromkeys(self._chunks)
        self._learnt.rewrite()
        self._logged = 0
        self._guarded(self._record, lambda: self._record.put({"schema": SCHEMA}))
        if self.run_id:
            self._guarded(self._record, self._write_run)
            self.write_waiting()

    def _write_metrics(self) -> None:
        while self._unwritten:
            batch = list(self._unwritten)[:_CATCH_UP]
            values: dict[str, Plain] = {
                chunk_key(self.run_id, number): self._chunks[number] for number in batch
            }
            if len(batch) == len(self._unwritten):
                values[f"last:{self.run_id}"] = self._about["last"]
            self._record.put(values)
            for number in batch:
                del self._unwritten[number]

    def _write_learnt(self) -> None:
        values, gone = self._learnt.unwritten()
        if values:
            self._record.put(values, remove=gone)
            self._learnt.written()

    def _guarded(self, box: Box, write: Callable[[], None]) -> bool:
        try:
            write()
        except StoreCorruptError as error:
            self._set_aside(box, error)
            return False
        except StoreError as error:
            self._trouble(box, error)
            return False
        if box in self._in_trouble:
            self._in_trouble.discard(box)
            self.notice("The store can be written again; every metric is kept.")
        return True

    def _trouble(self, box: Box, error: StoreError) -> None:
        if box not in self._in_trouble:
            kept = "Metrics wait in memory." if box is self._record else "Frames are dropped."
            self.notice(f"{error} {kept}")
            logger.warning("%s", error)
        self._in_trouble.add(box)

    def _set_aside(self, box: Box, error: StoreError) -> None:
        try:
            box.set_aside()
        except StoreError as failure:
            self._trouble(box, failure)
            return
        self._inodes = (self._live.inode, self._record.inode)
        self._begin_again(f"{error} It was set aside and a new one begun.")

    def _stamped(self, status: Mapping[str, Any]) -> bytes:
        self._said = time.monotonic()
        return to_json({**status, "heartbeat": time.time()})

    def _check_schema(self) -> None:
        schema = self._number(self._record, "schema")
        if schema > SCHEMA:
            self._lock.close()
            raise StoreTakenError(
                f"The store {self.path} was made by a newer version (layout {schema}, this one "
                f"knows {SCHEMA}): upgrade iov-twin, or choose another folder with --store."
            )
        if schema < SCHEMA:
            self._record.put({"schema": SCHEMA})


def _locked(folder: Path) -> TextIOWrapper:
    """The folder's engine lock, held; raises StoreTakenError."""
    try:
        return hold(folder / LOCK)
    except HeldError as held:
        raise StoreTakenError(
            f"Another engine (process {held.owner}) works on the store {folder}: stop it, "
            "or choose another folder with --store."
        ) from None
