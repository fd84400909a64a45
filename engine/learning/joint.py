"""Transitions of an agent together with those that contend with it, as MADDPG's critic needs them.

A row holds s, deal, a, r and the others' part of the critic's input; where the future counts, also
s', deal' and what is needed to ask the others' own actors what they do then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.contenders import Contenders, contenders
from engine.learning.experience import Experience
from engine.learning.replay import Replay
from engine.learning.transitions import reward
from engine.models.actor_critic import Reward

#: The number of contenders is told in this unit.
CROWD: Final = 10.0
_Rows = NDArray[np.float32]


class Then(NamedTuple):
    """The step after, (..., .) each.

    Attributes:
        state, deal: s' and its deal. met: of each contender then its personal columns, its deal
            and one more than its learner, 0 for nobody, (..., K, P + D + 1). crowd: their number
            in units of `CROWD`, (..., 1), or (..., 0) without neighbours.
        goes_on: 1 where there is a step after, (...,).
    """

    state: Tensor
    deal: Tensor
    met: Tensor
    crowd: Tensor
    goes_on: Tensor


class Batch(NamedTuple):
    """Parts of rows, (..., .) each.

    Attributes:
        action: (...,), or (..., A) where an agent has several. others: the critic's input beside
            s and a. then: None where the future does not count.
    """

    state: Tensor
    deal: Tensor
    action: Tensor
    reward: Tensor
    others: Tensor
    then: Then | None


@dataclass(frozen=True)
class Columns:
    """Where things stand in a row.

    Attributes:
        state, deal, actions: widths.
        personal: columns of s in which contenders differ; in all others they see the same.
        neighbours: K. ahead: rows have a step after.
    """

    state: int
    deal: int
    personal: tuple[int, ...]
    neighbours: int
    ahead: bool
    actions: int = 1

    @property
    def others(self) -> int:
        """Width of what the critic sees of others: s_j, a_j, presence; and how many there are."""
        each = len(self.personal) + self.actions + 1
        return self.neighbours * each + 1 if self.neighbours else 0

    @property
    def met(self) -> int:
        """Width of what is kept of one contender of the step after."""
        return len(self.personal) + self.deal + 1

    @property
    def then(self) -> int:
        """Width of the step after."""
        crowd = 1 if self.neighbours else 0
        return self.state + self.deal + self.neighbours * self.met + crowd + 1 if self.ahead else 0

    @property
    def width(self) -> int:
        """Of a row."""
        return self.state + self.deal + self.actions + 1 + self.others + self.then

    def take(self, rows: Tensor) -> Batch:
        """The parts of rows (..., width)."""
        widths = [self.state, self.deal, self.actions, 1, self.others, self.then]
        state, deal, action, earned, others, rest = torch.split(rows, widths, dim=-1)
        if self.actions == 1:
            action = action.squeeze(-1)
        then = self._then(rest) if self.ahead else None
        return Batch(state, deal, action, earned.squeeze(-1), others, then)

    def _then(self, rest: Tensor) -> Then:
        crowd = 1 if self.neighbours else 0
        widths = [self.state, self.deal, self.neighbours * self.met, crowd, 1]
        state, deal, met, count, goes_on = torch.split(rest, widths, dim=-1)
        met = met.reshape(*met.shape[:-1], self.neighbours, self.met)
        return Then(state, deal, met, count, goes_on.squeeze(-1))

    def others_now(self, state: _Rows, action: _Rows, near: Contenders) -> _Rows:
        """What the critic sees of others, from all rows of a step, (k, others)."""
        here = np.ones((len(state), 1), np.float32)
        each = np.concatenate([state[:, self.personal], action, here], axis=1)
        return self._around(each, near)

    def others_then(
        self, state: _Rows, deal: _Rows, learner: NDArray[np.int64], near: Contenders
    ) -> _Rows:
        """What the step before keeps of others in this one, (k, K met + 1)."""
        who = learner[:, None].astype(np.float32) + 1.0
        each = np.concatenate([state[:, self.personal], deal, who], axis=1)
        return self._around(each, near)

    def _around(self, each: _Rows, near: Contenders) -> _Rows:
        """Rows of the contenders side by side, zeros for nobody, and their number."""
        if not self.neighbours:
            return np.zeros((len(each), 0), np.float32)
        padded = np.concatenate([each, np.zeros_like(each, shape=(1, each.shape[1]))])
        beside = padded[near.nearest]  # (k, K, .); -1 is the row of zeros
        beside = beside.reshape(len(each), self.neighbours * each.shape[1])
        crowd = (near.count / CROWD).astype(np.float32)
        return np.concatenate([beside, crowd[:, None]], axis=1)


class JointTransitions:
    """Fills the replay buffers of G learners.

    Args:
        columns: of a row.
        learners: G. capacity: rows kept for each.
        kind: of reward.
    """

    def __init__(self, columns: Columns, learners: int, capacity: int, kind: Reward) -> None:
        self._columns, self._learners, self._kind = columns, learners, kind
        self.replay = Replay(learners, capacity, columns.width)
        #: Number, vehicles and rows of the step whose end is not known yet.
        self._open: dict[str, NDArray[Any]] = {}

    def take(self, seen: Experience) -> None:
        """Store the last step's transitions, and keep this step's until their end is known."""
        tasks, columns = seen.tasks, self._columns
        where = seen.position_m[np.searchsorted(seen.vehicle, tasks.vehicle)]
        deal = tasks.deal[:, : columns.deal]
        acted = np.stack([tasks.rho, reward(tasks.cost, tasks.toll, self._kind)], axis=1)
        # What is no number is neither learnt from nor anybody's neighbour.
        whole = np.isfinite(np.concatenate([tasks.state, deal, acted, where], axis=1)).all(axis=1)
        vehicle, state, deal, acted = (
            each[whole] for each in (tasks.vehicle, tasks.state, deal, acted.astype(np.float32))
        )
        near = contenders(tasks.seat[whole], where[whole], columns.neighbours)
        others = columns.others_now(state, acted[:, :1], near)
        rows = np.zeros((len(vehicle), columns.width), np.float32)
        known = np.concatenate([state, deal, acted, others], axis=1)
        rows[:, : known.shape[1]] = known
        if not columns.ahead:
            self.replay.add(vehicle % self._learners, rows)
            return
        met = columns.others_then(state, deal, vehicle % self._learners, near)
        self._close(seen.step, vehicle, np.concatenate([state, deal, met], axis=1))
        self._open = {"step": np.array([seen.step]), "vehicle": vehicle, "rows": rows}

    def _close(self, step: int, vehicle: NDArray[np.int64], then: _Rows) -> None:
        """Complete what is open; who has no task now, or a gap in between, ends there."""
        was, self._open = self._open, {}
        if not was:
            return
        before, rows = was["vehicle"], was["rows"]
        if len(vehicle) and was["step"][0] == step - 1:
            at = np.searchsorted(vehicle, before).clip(0, len(vehicle) - 1)
            follows = vehicle[at] == before
            rows[follows, -then.shape[1] - 1 : -1] = then[at[follows]]
            rows[follows, -1] = 1.0
        # Where nothing follows the deal is of ones, as it must divide.
        ends, d = rows[:, -1] == 0.0, self._columns.deal
        start = self._columns.width - self._columns.then + self._columns.state
        rows[ends, start : start + d] = 1.0
        self.replay.add(before % self._learners, rows)

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self._open = {}

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        told = {f"open.{name}": values.copy() for name, values in self._open.items()}
        return {"tensors": {**self.replay.state(), **told}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        tensors = state["tensors"]
        self.replay.restore(tensors)
        told = (name for name in tensors if name.startswith("open."))
        self._open = {name.removeprefix("open."): tensors[name].copy() for name in told}
