"""From steps to transitions (s, a, r, s'): each is stored when the next step has shown its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.experience import Experience, Tasks
from engine.learning.replay import Replay
from engine.models.actor_critic import Reward
from engine.models.split_head import DEAL
from engine.types import Floats


@dataclass(frozen=True)
class Columns:
    """Where things stand in a replay row: s, deal, a, r, s', deal', goes on."""

    state: int
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", 2 * (self.state + len(DEAL)) + 3)

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The parts of rows (..., width), in the order of the class's first line."""
        widths = [self.state, len(DEAL), 1, 1, self.state, len(DEAL), 1]
        parts = torch.split(rows, widths, dim=-1)
        vectors = (0, 1, 4, 5)
        return tuple(p if i in vectors else p.squeeze(-1) for i, p in enumerate(parts))


class Transitions:
    """Fills the replay buffers of G learners, lines 9-10 of Algorithm 4.

    Args:
        columns: of a row.
        learners: G.
        capacity: transitions kept for each.
        kind: of the reward.
    """

    def __init__(self, columns: Columns, learners: int, capacity: int, kind: Reward) -> None:
        self._columns, self._learners, self._kind = columns, learners, kind
        self.replay = Replay(learners, capacity, columns.width)
        #: Number, vehicles and rows of the step whose end is not known yet.
        self._open: dict[str, NDArray[Any]] = {}

    def take(self, seen: Experience) -> None:
        """Store the last step's transitions, and keep this step's until their end is known."""
        self._close(seen)
        if len(seen.tasks.vehicle):
            rows = self._rows(seen.tasks)
            whole = np.isfinite(rows).all(axis=1)  # what is no number is not learnt from
            self._open = {
                "step": np.array([seen.step]),
                "vehicle": seen.tasks.vehicle[whole],
                "rows": rows[whole],
            }

    def _close(self, seen: Experience) -> None:
        """Complete what is open; who has no task now, or a gap in between, ends there."""
        was, self._open = self._open, {}
        if not was:
            return
        then, rows, vehicle = was["vehicle"], was["rows"], seen.tasks.vehicle
        if len(vehicle) and was["step"][0] == seen.step - 1:
            at = np.searchsorted(vehicle, then).clip(0, len(vehicle) - 1)
            follows = vehicle[at] == then
            after = np.concatenate([seen.tasks.state, seen.tasks.deal], axis=1)[at]
            follows &= np.isfinite(after).all(axis=1)
            rows[follows, -after.shape[1] - 1 : -1] = after[follows]
            rows[follows, -1] = 1.0
        self.replay.add(then % self._learners, rows)

    def _rows(self, tasks: Tasks) -> NDArray[np.float32]:
        """Transitions without their end."""
        rows = np.zeros((len(tasks.vehicle), self._columns.width), np.float32)
        s, d = self._columns.state, tasks.deal.shape[1]
        rows[:, :s], rows[:, s : s + d] = tasks.state, tasks.deal
        rows[:, s + d] = tasks.rho
        rows[:, s + d + 1] = reward(tasks.cost, tasks.toll, self._kind)
        # Deals of padding and ends must divide: base one everywhere.
        rows[:, -d - 1 : -1] = 1.0
        return rows

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self._open = {}

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        told = {f"open.{name}": values for name, values in self._open.items()}
        return {"tensors": {**self.replay.state(), **told}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        tensors = state["tensors"]
        self.replay.restore(tensors)
        told = (name for name in tensors if name.startswith("open."))
        self._open = {name.removeprefix("open."): tensors[name] for name in told}


def reward(cost: Floats, toll: Floats, kind: Reward) -> Floats:
    """R1, R2, R3 or R3n of outcomes, MODEL A3.9, (k,)."""
    total = cost + toll if kind in ("R3", "R3n") else cost
    return -total if kind in ("R2", "R3n") else 1.0 / np.maximum(total, 0.05)
