"""A fork of a headless run: both futures to the end, as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.change import DEFAULT_STEPS, Change
from engine.fork import ForkError, Futures, Moment
from engine.metrics import METRICS, task_means
from engine.session import Session
from engine.types import Floats, MobilityLost

FORK_FILE: Final = "fork.parquet"


@dataclass(frozen=True)
class ForkPlan:
    """What to fork.

    Attributes:
        step: number of the first step of both futures. change: what sets them apart.
        steps: seconds to play.
    """

    step: int
    change: Change
    steps: int = DEFAULT_STEPS


class ForkResults:
    """What both futures have come to.

    Args:
        plan: of the fork.
    """

    def __init__(self, plan: ForkPlan) -> None:
        self.plan = plan
        self._stages: dict[str, tuple[str, ...]] = {"base": (), "changed": ()}
        self._rows: dict[str, list[Floats]] = {"base": [], "changed": []}
        self._digests = ("", "")
        self._moment: Moment | None = None
        #: Why it ended before its time, one sentence; empty if it did not or was interrupted.
        self.ended = ""

    @property
    def steps(self) -> int:
        """Seconds done."""
        return len(self._rows["base"])

    def see(self, session: Session) -> None:
        """Take the session as it stands, if this is the moment to fork it."""
        if session.next_step != self.plan.step:
            return
        try:
            self._moment = Moment.of(session)
        except ForkError as error:
            self.ended = str(error)

    def play(self, progress: Callable[[int], None]) -> None:
        """Play both futures; what is done is kept, whatever ends it.

        Args:
            progress: told the seconds done after each.
        """
        if self._moment is None:
            return
        try:
            with closing(Futures(self._moment, self.plan.change, lambda *_: None)) as futures:
                self._stages = {"base": futures.base.stage, "changed": futures.changed.stage}
                for done in range(1, self.plan.steps + 1):
                    for rows, stepped in zip(self._rows.values(), futures.step(), strict=True):
                        rows.append(stepped.rows)
                    self._digests = futures.digests
                    progress(done)
        except KeyboardInterrupt:
            self.ended = ""
        except (ValueError, MobilityLost) as error:
            self.ended = str(error)

    def values(self, future: str) -> Floats:
        """The metrics of `base` or `changed`, (seconds, schemes, len(METRICS))."""
        stage = self._stages[future]
        return np.array(self._rows[future]).reshape(self.steps, len(stage), len(METRICS))

    def summary(self) -> dict[str, Any]:
        """Means per task of each scheme in either future."""
        return {
            future: {name: task_means(self.values(future)[:, at]) for at, name in enumerate(stage)}
            for future, stage in self._stages.items()
        }

    def about(self) -> dict[str, Any]:
        """What it was, for a manifest."""
        return {
            "step": self.plan.step,
            "steps": self.steps,
            "change": self.plan.change.as_json(),
            "training": "frozen",
            "scenes": dict(zip(self._stages, self._digests, strict=True)),
        }

    def write(self, path: Path) -> None:
        """Write a row per future, second and scheme, and for each arm the difference of the two.

        Raises:
            OSError: it cannot be written.
        """
        import pandas as pd  # noqa: PLC0415  half a second, after the run or not at all

        tables = []
        for future, stage, values in self._parts():
            table = pd.DataFrame(values.reshape(-1, len(METRICS)), columns=list(METRICS))
            steps = np.arange(self.plan.step, self.plan.step + self.steps, dtype=np.int64)
            table.insert(0, "step", np.repeat(steps, len(stage)))
            table.insert(1, "future", future)
            table.insert(2, "scheme", list(stage) * self.steps)
            tables.append(table)
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)

    def _parts(self) -> Iterator[tuple[str, tuple[str, ...], Floats]]:
        """Name, schemes and metrics of each part of the table."""
        for future, stage in self._stages.items():
            yield future, stage, self.values(future)
        pairs = self._pairs()
        base, changed = self._stages.values()
        after = self.values("changed")[:, [changed.index(name) for name in pairs]]
        before = self.values("base")[:, [base.index(name) for name in pairs.values()]]
        yield "difference", tuple(pairs), after - before

    def _pairs(self) -> Mapping[str, str]:
        """Who is in which arm: by the name in the changed future the one in the base."""
        base, changed = self._stages.values()
        was = dict([self.plan.change.replace[::-1]]) if self.plan.change.replace else {}
        pairs = {name: was.get(name, name) for name in changed}
        return {new: old for new, old in pairs.items() if old in base}
