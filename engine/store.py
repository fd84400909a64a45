"""What the engine shows and what the page wants, kept in three folders of the store.

`control/` holds the desired state and is written by the web server alone. `live/` holds what is
shown now: status, the newest frames in a ring, static scenery, inspected things; `record/` holds
what outlives it: metrics, runs, applied changes, and the newest of what was learnt. Both are
written by the engine alone (`engine.publisher`). A fourth, `job/`, is written by the processes of
jobs, see `engine.contest_job` and `engine.fork_record`.

Keys: control/ `control` `version` `watch`; live/ `seq` `r:0000`..`r:0599` `status` `static:RUN`
`i:KEY`; record/ `schema` `runs` `run:RUN` `last:RUN` `m:RUN:CHUNK` `log:RUN:NUMBER` `learnt:RUN`
`l:RUN:CHUNK`.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from engine import learning_log, rows, wire
from engine.control import Control, ControlError
from engine.disk import Box, StoreCorruptError, StoreError, to_json
from engine.fork_record import ForkRecord
from engine.metrics import METRICS
from engine.rows import CHUNK, F32, U32

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

#: Version of the layout; a store of a newer one is refused.
SCHEMA: Final = 1
#: File that the engine at work holds locked, and touches as its sign of life.
LOCK: Final = "engine.lock"
#: Frames kept for late joiners and scrubbing: ten minutes at one step a second.
RING: Final = 600
#: Most things inspected at once.
MAX_WATCHED: Final = 16
#: Rows a single `metrics` call returns at most unless told.
MAX_ROWS: Final = 4096

_RUN: Final = re.compile(r"[a-z0-9-]{1,64}")
_WATCH: Final = re.compile(r"(v:\d{1,9})|(r:1?\d)")

Table = tuple[U32, list[str], F32]


class Store:
    """The store as its readers see it; the web server also writes its wishes through it.

    Reading never raises: what cannot be read now is None or empty, and `trouble` says why.

    Args:
        path: folder of the store, made if need be for this user alone.

    Raises:
        StoreError: the folder cannot be made or opened; one sentence.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().resolve()
        self._control = Box(self.path / "control", durable=True)
        self._live = Box(self.path / "live", durable=False)
        self._record = Box(self.path / "record", durable=True)
        self._fork = ForkRecord(self.path)
        self._wanted: Control | None = None
        #: Why the last read failed, one sentence; None when it did not.
        self.trouble: str | None = None

    def close(self) -> None:
        """Close this thread's connections."""
        for box in (self._control, self._live, self._record, self._fork):
            box.close()

    # What the page wants

    def control(self) -> dict[str, Any]:
        """The control record, the defaults before anybody wished anything."""
        return self.wanted().as_json()

    def wanted(self) -> Control:
        """The control; a record that cannot be read counts as not there."""
        try:
            record = self._control.get_json("control")
            self.trouble = None
            return Control.from_json(record) if record is not None else self._wanted or Control()
        except StoreError as error:
            self._note(error)
        except ControlError as error:
            self.trouble = f"The stored control is not usable: {error}"
        return self._wanted or Control()

    def version(self) -> int:
        """Version of the newest control, -1 before the first; cheap, for polling."""
        return self._number(self._control, "version")

    def begin(self, control: Control) -> int:
        """Put `control` in force, whatever was wanted before; returns its version.

        Raises:
            StoreError: it cannot be written.
        """
        return self._write(lambda current: _after(control, current))

    def request(self, patch: object) -> int:
        """Change the control by a patch, see `Control.merge`; returns the new version.

        Raises:
            ControlConflict: the patch has a `base` that is not the newest version any more.
            ControlError: the patch is not possible.
            StoreError: it cannot be written.
        """
        return self._write(lambda current: current.merge(patch))

    def _write(self, change: Callable[[Control], Control]) -> int:
        with self._control.transaction():
            control = change(self.wanted())
            self._control.put({"control": to_json(control.as_json()), "version": control.version})
        self._wanted = control
        return control.version

    def keep_control(self) -> None:
        """Write the control again if the folder was replaced under us; the web server calls this.

        Raises:
            StoreError: it cannot be written.
        """
        if self._wanted is not None and self.version() < 0:
            wanted = self._wanted
            self._write(lambda _: wanted)

    def watch(self, keys: Sequence[str]) -> None:
        """Say what is inspected: up to 16 of `v:<vehicle id>` and `r:<RSU index>`.

        Raises:
            ControlError: too many keys or one that is neither.
            StoreError: it cannot be written.
        """
        if len(keys) > MAX_WATCHED:
            raise ControlError(f"At most {MAX_WATCHED} things can be inspected at once.")
        for key in keys:
            if not isinstance(key, str) or not _WATCH.fullmatch(key):
                raise ControlError("What is inspected is written v:<vehicle id> or r:<RSU index>.")
        self._control.put({"watch": to_json(sorted(set(keys)))})

    def watched(self) -> tuple[str, ...]:
        """The keys given to `watch`."""
        keys = self._json(self._control, "watch")
        return tuple(str(k) for k in keys) if isinstance(keys, list) else ()

    # What the engine shows

    def seq(self) -> int:
        """Number of the newest frame, -1 before the first; cheap, for polling."""
        return self._number(self._live, "seq")

    def frame(self) -> tuple[int, bytes] | None:
        """Number and bytes of the newest stored frame, None before the first."""
        seq = self.seq()
        frame = self.frame_at(seq)
        return None if frame is None else (seq, frame)

    def frame_at(self, seq: int) -> bytes | None:
        """The stored frame of that number, None when it is not (or no longer) in the ring."""
        if seq < 0:
            return None
        frame = self._bytes(self._live, ring_key(seq))
        if frame is None:
            return None
        try:
            return frame if wire.header(frame).seq == seq & 0xFFFFFFFF else None
        except ValueError as error:
            self.trouble = f"A stored frame is damaged: {error}"
            return None

    def status(self) -> dict[str, Any]:
        """What the engine last said of itself; {} before it said anything."""
        status = self._json(self._live, "status")
        if not isinstance(status, dict):
            return {}
        if isinstance(status.get("heartbeat"), (int, float)):
            with contextlib.suppress(OSError):  # an engine at work on a long step touches its lock
                beat = (self.path / LOCK).stat().st_mtime
                status["heartbeat"] = max(beat, status["heartbeat"])
        return status

    def static(self, run: str) -> bytes | None:
        """The scenery of a run as JSON, None when there is none."""
        return self._bytes(self._live, f"static:{run}") if _RUN.fullmatch(run) else None

    def inspect(self, key: str) -> dict[str, Any] | None:
        """What the engine has to say of a watched key, None until it does."""
        found = self._json(self._live, f"i:{key}")
        return found if isinstance(found, dict) else None

    # What is recorded

    def runs(self) -> list[dict[str, Any]]:
        """All recorded runs, oldest first, see `run`."""
        ids = self._json(self._record, "runs")
        abouts = (self.run(run) for run in (ids if isinstance(ids, list) else []))
        return [about for about in abouts if about is not None]

    def run(self, run: str) -> dict[str, Any] | None:
        """What is known of one run, None when there is no such run."""
        about = self._json(self._record, f"run:{run}") if _RUN.fullmatch(run) else None
        return {**about, "last_step": self.last_step(run)} if isinstance(about, dict) else None

    def last_step(self, run: str) -> int:
        """Newest step with metrics, -1 when there is none."""
        return self._number(self._record, f"last:{run}")

    def changes(self, run: str) -> list[dict[str, Any]]:
        """The applied changes of a run in order, each with the step from which it counts."""
        about = self.run(run)
        found = (
            self._json(self._record, change_key(run, number))
            for number in range(about["changes"] if about else 0)
        )
        return [change for change in found if isinstance(change, dict)]

    def metrics(
        self,
        run: str,
        after: int = -1,
        limit: int = MAX_ROWS,
        schemes: Sequence[str] | None = None,
    ) -> Table:
        """Recorded metrics, oldest first.

        Args:
            run: run id.
            after: the last step the caller has.
            limit: most rows to return; ask again with the last step to get more.
            schemes: columns wanted; all that were ever on this run's stage if None.

        Returns:
            steps (rows,) ascending, scheme names, values (rows, schemes, len(METRICS)); NaN where a
            scheme was not on stage.
        """
        about = self.run(run)
        if about is None:
            return _table([], [], list(schemes or ()))
        stages: list[list[str]] = about["stages"]
        names = list(schemes or dict.fromkeys(name for stage in stages for name in stage))
        steps: list[U32] = []
        values: list[F32] = []
        found = 0
        for chunk in range((after + 1) // CHUNK, about["last_step"] // CHUNK + 1):
            for block_steps, stage, block in self._blocks(run, chunk):
                keep = block_steps.astype(np.int64) > after
                steps.append(block_steps[keep])
                values.append(rows.columns(block[keep], stages[stage], names))
                found += int(keep.sum())
            if found >= limit:
                break
        table = _table(steps, values, names)
        return table[0][:limit], names, table[2][:limit]

    def metrics_frame(self, run: str) -> pd.DataFrame:
        """All metrics of a run as `metrics.parquet` has them: step, scheme, then `METRICS`."""
        import pandas as pd  # noqa: PLC0415  half a second that only exports pay

        names = self.metrics(run, limit=0)[1]
        steps, _, values = self.metrics(run, limit=2**62)
        present = ~np.isnan(values).all(axis=2)
        at, who = np.nonzero(present)
        frame = pd.DataFrame(values[at, who].astype(np.float64), columns=list(METRICS))
        frame.insert(0, "step", steps[at].astype(np.int64))
        frame.insert(1, "scheme", np.asarray(names, dtype=object)[who])
        return frame

    def learnt(self, run: str) -> int:
        """Number of the newest entry of what was learnt, -1 before the first; for polling."""
        return self._number(self._record, learning_log.last_key(run))

    def learning(
        self, run: str, after: int = -1, limit: int = learning_log.KEPT
    ) -> list[dict[str, Any]]:
        """What was learnt in a run, see `engine.learning_log`, oldest of the kept first.

        Args:
            run: run id.
            after: the number `i` of the last entry the caller has.
            limit: most entries to return; ask again with the last number to get more.
        """
        if not _RUN.fullmatch(run):
            return []
        return learning_log.read(
            lambda key: self._json(self._record, key), run, self.learnt(run), after, limit
        )

    def fork(self) -> dict[str, Any]:
        """The newest fork, see `ForkRecord.read`; {} before anybody asked for one."""
        try:
            record = self._fork.read()
        except StoreError as error:
            self._note(error)
            return {}
        self.trouble = None
        return record

    # Reading without raising

    def _blocks(self, run: str, chunk: int) -> list[tuple[U32, int, F32]]:
        blob = self._bytes(self._record, chunk_key(run, chunk)) or b""
        try:
            return list(rows.blocks(blob))
        except ValueError as error:
            self._note(StoreCorruptError(f"Metrics of run {run} are damaged: {error}."))
            return []

    def _note(self, error: StoreError) -> None:
        if str(error) != self.trouble:
            logger.warning("%s", error)
        self.trouble = str(error)

    def _get(self, box: Box, key: str) -> object:
        try:
            value = box.get(key)
        except StoreError as error:
            self._note(error)
            return None
        self.trouble = None
        return value

    def _bytes(self, box: Box, key: str) -> bytes | None:
        value = self._get(box, key)
        return value if isinstance(value, bytes) else None

    def _number(self, box: Box, key: str) -> int:
        value = self._get(box, key)
        return value if isinstance(value, int) else -1

    def _json(self, box: Box, key: str) -> Any:
        try:
            value = box.get_json(key)
        except StoreError as error:
            self._note(error)
            return None
        self.trouble = None
        return value


def ring_key(seq: int) -> str:
    """Where in the ring the frame of that number lies."""
    return f"r:{seq % RING:04d}"


def chunk_key(run: str, chunk: int) -> str:
    """Where the metrics of steps [chunk, chunk + 1) x `CHUNK` lie."""
    return f"m:{run}:{chunk:08d}"


def change_key(run: str, number: int) -> str:
    """Where an applied change of a run lies."""
    return f"log:{run}:{number:06d}"


def _after(control: Control, current: Control) -> Control:
    record = control.as_json()
    counts = {"steps": current.steps, "reset": current.reset}
    return Control.from_json({**record, **counts, "version": current.version + 1})


def _table(steps: list[U32], values: list[F32], names: list[str]) -> Table:
    if not steps:
        empty = np.empty((0, len(names), len(METRICS)), np.float32)
        return np.empty(0, np.uint32), names, empty
    return cast(U32, np.concatenate(steps)), names, cast(F32, np.concatenate(values))


__all__ = ["CHUNK", "RING", "SCHEMA", "Store", "StoreCorruptError", "StoreError"]
