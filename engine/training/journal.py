"""What a training tells: a record of each episode, and scalars that TensorBoard reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from engine.learning.trainer import Learnt
from engine.metrics import METRICS, task_means
from engine.types import Floats

#: Steps whose mean is one point of a curve.
EVERY: Final = 10


@dataclass(frozen=True)
class Episode:
    """What one episode was, a line of the log.

    Attributes:
        episode: counts from 0. preset: its load. steps, vehicles: how long, and at most how many.
        cost, success_rate: means per task while exploring, None without any task.
        losses: means over the steps that had them. updates: steps that changed weights.
        merges: aggregations of agents. rounds: of AdFL. bytes: both on the air.
        learning_rate, exploration: at its end.
        troubles: what was said where weights were rolled back.
    """

    episode: int
    preset: str
    steps: int
    vehicles: int
    cost: float | None
    success_rate: float | None
    losses: Mapping[str, float]
    updates: int
    merges: int
    rounds: int
    bytes: int
    learning_rate: float
    exploration: float
    troubles: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """For log and checkpoint."""
        return {**asdict(self), "losses": dict(self.losses), "troubles": list(self.troubles)}


@dataclass
class Tally:
    """Adds up steps.

    Attributes:
        rows: metrics of each, (len(METRICS),). learnt: what each taught. vehicles: most there were.
    """

    rows: list[Floats] = field(default_factory=list)
    learnt: list[Learnt] = field(default_factory=list)
    vehicles: int = 0

    def add(self, row: Floats, learnt: Iterable[Learnt], vehicles: int) -> None:
        """One more step."""
        self.rows.append(row)
        self.learnt.extend(learnt)
        self.vehicles = max(self.vehicles, vehicles)

    def means(self) -> dict[str, float | None]:
        """Cost and success rate per task."""
        means = task_means(np.array(self.rows).reshape(-1, len(METRICS)))
        return {name: means[name] for name in ("cost", "success_rate")}

    def losses(self) -> dict[str, float]:
        """Mean of each loss over the steps that had it."""
        names = dict.fromkeys(name for one in self.learnt for name in one.losses)
        each = {n: [one.losses[n] for one in self.learnt if n in one.losses] for n in names}
        return {name: float(np.mean(values)) for name, values in each.items()}

    def rounds(self, tier: str) -> int:
        """Aggregations of a tier."""
        return sum(one.tier == tier for learnt in self.learnt for one in learnt.rounds)

    @property
    def bytes(self) -> int:
        """On the air for all aggregations."""
        return sum(one.bytes for learnt in self.learnt for one in learnt.rounds)


class Scalars:
    """Curves in a folder, for TensorBoard.

    Args:
        folder: of the event files.
        first: step from which on this training writes; later ones of an earlier try are void.
    """

    def __init__(self, folder: Path, first: int) -> None:
        # Not above: its packages take half a second, and only training needs them.
        from tensorboardX import SummaryWriter  # noqa: PLC0415

        # Files are told apart by the second they were begun in, and by the suffix.
        suffix = f".{first:09}"
        self._writer = SummaryWriter(str(folder), purge_step=first, filename_suffix=suffix)
        self._tally = Tally()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._writer.close()

    def step(
        self, step: int, row: Floats, learnt: Sequence[Learnt], gauges: Mapping[str, float]
    ) -> None:
        """Add a step; every tenth becomes a point.

        Args:
            step: since the training began.
            row: its metrics.
            learnt: from it.
            gauges: learning rate, exploration.
        """
        self._tally.add(row, learnt, 0)
        if len(self._tally.rows) < EVERY:
            return
        tally, self._tally = self._tally, Tally()
        self._points("loss", tally.losses(), step)
        self._points("task", tally.means(), step)
        counts = {"merges": tally.rounds("agents"), "rounds": tally.rounds("forecast")}
        self._points("federation", {**counts, "bytes": tally.bytes}, step)
        self._points("schedule", gauges, step)

    def episode(self, step: int, made: Episode) -> None:
        """Add an episode that ended at `step`."""
        self._tally = Tally()
        told = {"cost": made.cost, "success_rate": made.success_rate}
        self._points(f"episode/{made.preset}", told, step)
        for trouble in made.troubles:
            self._writer.add_text("trouble", trouble, step)
        self._writer.flush()

    def _points(self, group: str, values: Mapping[str, float | None], step: int) -> None:
        for name, value in values.items():
            if value is not None and math.isfinite(value):
                self._writer.add_scalar(f"{group}/{name}", value, step)
