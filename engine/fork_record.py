"""What the store keeps of the newest fork.

The box `job/` of the store is written by the processes of jobs alone. Of a fork it holds
`fork/status`, JSON, and `fork/rows:ID`, f32 values[seconds][arms][METRICS] little-endian, the arms
of the first future and then those of the second. A fork is written by its process, or, where there
is none yet or any more, by the engine that starts and ends it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from engine.disk import Box, Plain, StoreCorruptError, to_json
from engine.metrics import METRICS
from engine.rows import F32

State = Literal["running", "done", "failed", "cancelled"]
_STATUS: Final = "fork/status"
_DAMAGED: Final = "The store holds a fork that this program did not write."
#: Decimals of the metrics as a page gets them.
_DECIMALS: Final = 6


@dataclass(frozen=True, kw_only=True)
class ForkStatus:
    """How a fork stands.

    Attributes:
        id, change, steps: of the wish, the change as JSON. run: it is of.
        state: "running" until it ends. message: one sentence, or nothing.
        from_step: first second of both futures. done: seconds played.
        stage, changed_stage: schemes of the first future and of the second.
        digest: over the scenes of each future, by name.
    """

    id: str = ""
    state: State = "running"
    message: str = ""
    run: str = ""
    from_step: int = 0
    steps: int = 0
    done: int = 0
    change: Mapping[str, Any] = field(default_factory=dict)
    stage: Sequence[str] = ()
    changed_stage: Sequence[str] = ()
    digest: Mapping[str, str] = field(default_factory=dict)

    def ended(self, state: State, message: str) -> ForkStatus:
        """The last status after this one."""
        return replace(self, state=state, message=message)


class ForkRecord:
    """Reads and writes what is kept of the newest fork.

    Args:
        store: folder of the store.

    Raises:
        StoreError: the box cannot be opened.
    """

    def __init__(self, store: Path) -> None:
        self._box = Box(store / "job", durable=True)

    def status(self) -> ForkStatus | None:
        """How the newest fork stands, None before there was one; raises StoreError."""
        found = self._box.get_json(_STATUS)
        if found is None:
            return None
        try:
            return ForkStatus(**found)
        except TypeError:
            raise StoreCorruptError(_DAMAGED) from None

    def write(self, status: ForkStatus, rows: F32 | None = None) -> None:
        """Write a status, and with it all rows if they are given; raises StoreError.

        Args:
            status: of the newest fork; the rows of the one before are dropped.
            rows: of both futures, (seconds, arms, len(METRICS)).
        """
        values: dict[str, Plain] = {_STATUS: to_json(asdict(status))}
        if rows is not None:
            values[_rows_key(status.id)] = rows.astype("<f4").tobytes()
        gone = self._rows_of_another(status.id)
        try:
            self._box.put(values, remove=gone)
        except StoreCorruptError:
            self._box.set_aside()
            self._box.put(values)

    def _rows_of_another(self, name: str) -> tuple[str, ...]:
        try:
            kept = self._box.get_json(_STATUS)
        except StoreCorruptError:  # whatever is to be written replaces it
            return ()
        old = kept.get("id") if isinstance(kept, dict) else None
        return (_rows_key(old),) if isinstance(old, str) and old != name else ()

    def read(self) -> dict[str, Any]:
        """The newest fork as a page gets it, {} before there was one; raises StoreError.

        What `ForkStatus` has, but `changed_stage`, and `base` and `changed`: by scheme and metric
        the values of each second done, null where there is none; `training` says that nothing is
        learnt in either future; `first_difference`, the `step`, `scheme` and `metric` in which a
        scheme of both futures is first otherwise, to the last bit, null where none is.
        """
        status = self.status()
        if status is None:
            return {}
        try:
            return self._told(status)
        except (TypeError, ValueError):
            raise StoreCorruptError(_DAMAGED) from None

    def _told(self, status: ForkStatus) -> dict[str, Any]:
        arms = len(status.stage) + len(status.changed_stage)
        blob = self._box.get_bytes(_rows_key(status.id)) or b""
        width = arms * len(METRICS)
        done = min(status.done, len(blob) // (4 * width)) if width else status.done
        rows = np.frombuffer(blob, "<f4", done * width).reshape(done, arms, len(METRICS))
        split = len(status.stage)
        record = asdict(status)
        del record["changed_stage"]
        return {
            **record,
            "done": done,
            "training": "frozen",
            "base": _by_name(status.stage, rows[:, :split]),
            "changed": _by_name(status.changed_stage, rows[:, split:]),
            "first_difference": _first_difference(status, rows),
        }

    def close(self) -> None:
        """Close this thread's connection."""
        self._box.close()


def _rows_key(name: str) -> str:
    return f"fork/rows:{name}"


def _by_name(stage: Sequence[str], rows: F32) -> dict[str, dict[str, list[float | None]]]:
    """Columns by scheme and metric."""
    values = np.round(rows.astype(np.float64), _DECIMALS)
    return {
        scheme: {
            metric: [None if math.isnan(v) else v for v in values[:, arm, at].tolist()]
            for at, metric in enumerate(METRICS)
        }
        for arm, scheme in enumerate(stage)
    }


def _first_difference(status: ForkStatus, rows: F32) -> dict[str, Any] | None:
    """Where a scheme of both futures first differs in a bit."""
    both = [name for name in status.stage if name in status.changed_stage]
    split = len(status.stage)
    bits = np.ascontiguousarray(rows).view(np.uint32)
    base = bits[:, [status.stage.index(name) for name in both]]
    changed = bits[:, [split + status.changed_stage.index(name) for name in both]]
    found = np.argwhere(base != changed)
    if not len(found):
        return None
    second, arm, metric = found[0].tolist()
    return {"step": status.from_step + second, "scheme": both[arm], "metric": METRICS[metric]}
