"""What was learnt in a run, a JSON object for each step learnt from: the newest, many to a record.

An entry is `{"i", "step", "scheme", "losses", "rounds", "trouble"}`: `i` counts from 0 in a run,
the rest is a `Learnt` with the scheme it is of. Records hold `CHUNK` entries each, a JSON array.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.disk import Plain, to_json

if TYPE_CHECKING:
    from engine.learning.trainer import Learnt

#: Entries in one record, and the newest entries that are kept of a run.
CHUNK: Final = 16
KEPT: Final = 900


def entry(scheme: str, learnt: Learnt) -> dict[str, Any]:
    """What the log holds of a step learnt from, without its number."""
    return {
        "step": learnt.step,
        "scheme": scheme,
        "losses": dict(learnt.losses),
        "rounds": [{name: _short(value) for name, value in vars(r).items()} for r in learnt.rounds],
        "trouble": learnt.trouble,
    }


def _short(value: Any) -> Any:
    """A tuple of numbers with six digits each: a round may list hundreds of vehicles."""
    if isinstance(value, tuple):
        return [float(f"{one:.6g}") if isinstance(one, float) else one for one in value]
    return value


def chunk_key(run: str, chunk: int) -> str:
    """Where entries [chunk, chunk + 1) x `CHUNK` lie."""
    return f"l:{run}:{chunk:08d}"


def last_key(run: str) -> str:
    """Where the number of the newest entry lies."""
    return f"learnt:{run}"


class LearningLog:
    """The writer's memory of one run's log: what is kept, and what has to be written."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._next = 0
        self._chunks: OrderedDict[int, list[bytes]] = OrderedDict()
        self._unwritten: set[int] = set()
        self._gone: list[str] = []

    def append(self, content: Mapping[str, Any]) -> None:
        """Give an entry its number and keep it; the oldest make room."""
        chunk = self._next // CHUNK
        self._chunks.setdefault(chunk, []).append(to_json({"i": self._next, **content}))
        self._unwritten.add(chunk)
        self._next += 1
        while (next(iter(self._chunks)) + 1) * CHUNK <= self._next - KEPT:
            old, _ = self._chunks.popitem(last=False)
            self._unwritten.discard(old)
            self._gone.append(chunk_key(self._run, old))

    def rewrite(self) -> None:
        """Count nothing as written: the database is a new one."""
        self._unwritten = set(self._chunks)

    def unwritten(self) -> tuple[dict[str, Plain], tuple[str, ...]]:
        """What to put and what to remove so that the database holds this log."""
        if not self._unwritten:
            return {}, ()
        values: dict[str, Plain] = {
            chunk_key(self._run, chunk): b"[" + b",".join(self._chunks[chunk]) + b"]"
            for chunk in sorted(self._unwritten)
        }
        return {**values, last_key(self._run): self._next - 1}, tuple(self._gone)

    def written(self) -> None:
        """What `unwritten` gave is in the database."""
        self._unwritten.clear()
        self._gone.clear()


def read(
    get_json: Callable[[str], Any], run: str, last: int, after: int, limit: int
) -> list[dict[str, Any]]:
    """Entries of a run, oldest first.

    Args:
        get_json: the value under a key, None where there is none.
        run: run id.
        last: number of the newest entry, -1 before the first.
        after: number of the last entry the caller has.
        limit: most entries to return.
    """
    first = max(after + 1, last - KEPT + 1, 0)
    found: list[dict[str, Any]] = []
    for chunk in range(first // CHUNK, last // CHUNK + 1):
        record = get_json(chunk_key(run, chunk))
        found += [
            one
            for one in (record if isinstance(record, list) else [])
            if isinstance(one, dict) and isinstance(one.get("i"), int) and one["i"] >= first
        ]
        if len(found) >= limit:
            break
    return found[:limit]
