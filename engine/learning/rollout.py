"""Rollouts: what all learners did for some seconds, as trajectories, and how good it was.

A trajectory is one vehicle's over consecutive seconds with a task. Without a task in the next
second it ends and nothing follows; where only the rollout or the episode ends, the value of the
state that followed stands for the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.experience import Experience, Tasks
from engine.learning.transitions import reward
from engine.models.actor_critic import Reward
from engine.types import Bools, Floats, Ints

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """Transitions, (k, ...).

    Attributes:
        vehicle: whose, (k,). time: consecutive seconds have consecutive numbers, (k,).
        state, deal: as in `View`. action, log_density: drawn, before it was clipped, and log pi of
            it then, (k,). reward: (k,).
        then, then_deal: what the vehicle saw next. goes_on: 1 where it did, else 0, (k,).
    """

    vehicle: Ints
    time: Ints
    state: Rows
    deal: Rows
    action: Rows
    log_density: Rows
    reward: Rows
    then: Rows
    then_deal: Rows
    goes_on: Rows

    def chosen(self, which: Bools | Ints) -> Steps:
        """Some of them, by a mask or by their places."""
        return Steps(*(part[which] for part in self._parts()))

    def advantages(self, value: Floats, after: Floats, gamma: float, decay: float) -> Floats:
        """`gae` of every transition along its vehicle's trajectory, (k,).

        Args:
            value: V(s), (k,).
            after: V(s'), (k,).
            gamma: discount.
            decay: lambda.
        """
        times, t = np.unique(self.time, return_inverse=True)
        vehicles, n = np.unique(self.vehicle, return_inverse=True)
        grid = np.zeros((4, len(times), len(vehicles)))
        grid[:, t, n] = self.reward, value, self.goes_on * after, self.goes_on
        goes_on, there = grid[3] > 0.0, np.zeros(grid.shape[1:], bool)
        there[t, n] = True
        follows = np.zeros_like(there)
        follows[:-1] = goes_on[:-1] & there[1:] & (np.diff(times) == 1)[:, None]
        return gae(grid[0], grid[1], grid[2], follows, gamma, decay)[t, n]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The parts by name, for a checkpoint."""
        return {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}

    @staticmethod
    def together(steps: list[Steps]) -> Steps:
        """All of them, in order; there must be some."""
        return Steps(*(np.concatenate(p) for p in zip(*(s._parts() for s in steps), strict=True)))

    def _parts(self) -> list[NDArray[Any]]:
        return list(self.tensors().values())


def gae(
    reward: Floats, value: Floats, after: Floats, follows: Bools, gamma: float, decay: float
) -> Floats:
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16), (T, n).

    Args:
        reward: r of n trajectories at T times, (T, n).
        value: V(s), (T, n).
        after: V(s') of what comes next, 0 where the trajectory ends, (T, n).
        follows: the next row is what comes next; else a trajectory is cut here, (T, n).
        gamma: discount.
        decay: lambda.
    """
    surprise = reward + gamma * after - value
    advantage, later = np.empty_like(surprise), np.zeros(surprise.shape[1])
    for t in reversed(range(len(surprise))):
        later = surprise[t] + gamma * decay * follows[t] * later
        advantage[t] = later
    return advantage


class Rollout:
    """Collects transitions until they are learnt from.

    Args:
        kind: of the reward.
    """

    def __init__(self, kind: Reward) -> None:
        self._kind: Reward = kind
        self._kept: list[Steps] = []
        #: The last second's, whose ends are not known yet, and its number in the episode.
        self._open: Steps | None = None
        self._step = -1
        self._time = 0
        self.seconds = 0

    def take(self, seen: Experience) -> None:
        """Complete the last second's transitions, and keep this one's until their end is known."""
        consecutive = self._open is not None and seen.step == self._step + 1
        self._close(seen.tasks, consecutive=consecutive)
        self._step = seen.step
        self._time += 1 if consecutive else 2
        if len(seen.tasks.vehicle):
            self._open = self._opened(seen.tasks)

    def _close(self, tasks: Tasks, *, consecutive: bool) -> None:
        """Who has no task now ends there, and everybody where a second is missing."""
        was, self._open = self._open, None
        if was is None:
            return
        if consecutive and len(tasks.vehicle):
            at = np.searchsorted(tasks.vehicle, was.vehicle).clip(0, len(tasks.vehicle) - 1)
            then, deal = tasks.state[at], tasks.deal[at]
            sound = np.isfinite(then).all(axis=1) & np.isfinite(deal).all(axis=1)
            follows = (tasks.vehicle[at] == was.vehicle) & sound
            was = dataclasses.replace(
                was,
                then=np.where(follows[:, None], then, was.then),
                then_deal=np.where(follows[:, None], deal, was.then_deal),
                goes_on=follows.astype(np.float32),
            )
        self._kept.append(was)
        self.seconds += 1

    def _opened(self, tasks: Tasks) -> Steps:
        """Transitions without their end; what is no number is not learnt from."""
        action, log_density = tasks.note.T
        steps = Steps(
            vehicle=tasks.vehicle,
            time=np.full(len(tasks.vehicle), self._time),
            state=tasks.state,
            deal=tasks.deal,
            action=action,
            log_density=log_density,
            reward=reward(tasks.cost, tasks.toll, self._kind).astype(np.float32),
            then=np.zeros_like(tasks.state),
            then_deal=np.ones_like(tasks.deal),  # a deal must divide
            goes_on=np.zeros(len(tasks.vehicle), np.float32),
        )
        parts = steps.tensors().values()
        sound = [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in parts]
        return steps.chosen(np.logical_and.reduce(sound))

    def harvest(self, learners: int, least: int) -> Steps | None:
        """Hand out the transitions of every learner that has at least so many; begin anew.

        The others keep theirs until they have. None where no learner has enough.

        Args:
            learners: G; vehicle n is of learner n mod G.
            least: transitions of a learner.
        """
        self.seconds = 0
        if not self._kept:
            return None
        steps = Steps.together(self._kept)
        learner = steps.vehicle % learners
        enough = (np.bincount(learner, minlength=learners) >= least)[learner]
        self._kept = [steps.chosen(~enough)] if not enough.all() else []
        return steps.chosen(enough) if enough.any() else None

    def forget(self) -> None:
        """Drop the transitions whose end will not be known: another episode begins."""
        self._open = None

    def state(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        parts = {"open": self._open, "kept": Steps.together(self._kept) if self._kept else None}
        tensors = {
            f"{name}.{part}": array
            for name, steps in parts.items()
            if steps is not None
            for part, array in steps.tensors().items()
        }
        counts = {"step": self._step, "time": self._time, "seconds": self.seconds}
        return {**counts, "tensors": tensors}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        open_, kept = (_steps(state["tensors"], name) for name in ("open", "kept"))
        self._open, self._kept = open_, [] if kept is None else [kept]
        self._step, self._time = int(state["step"]), int(state["time"])
        self.seconds = int(state["seconds"])


def _steps(tensors: Mapping[str, NDArray[Any]], name: str) -> Steps | None:
    if f"{name}.time" not in tensors:
        return None
    parts = [part.name for part in dataclasses.fields(Steps)]
    return Steps(*(tensors[f"{name}.{part}"] for part in parts))
