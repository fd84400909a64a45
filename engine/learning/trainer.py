"""Who learns and where: a player acts, its learner lives beside it or in another process.

The player hands out what it experienced, the learner turns that into weights, and a trainer carries
both. Nothing here needs torch, so the engine knows these words before any network is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.learning.rounds import Round
from engine.types import Outcome, Scheme

Weights = Mapping[str, NDArray[np.float32]]
State = Literal["training", "starting", "restarting", "failed"]


@dataclass(frozen=True)
class Learnt:
    """What learning from one step gave.

    Attributes:
        step: that was learnt from. updated: weights changed.
        losses: those computed, of critic, actor, forecast, cvae, cvae_kl, cvae_reconstruction;
            beside them entropy and kl of random policies.
        rounds: aggregations in this step.
        trouble: one sentence where weights were rolled back, else empty.
    """

    step: int
    updated: bool
    losses: Mapping[str, float]
    rounds: tuple[Round, ...]
    trouble: str = ""


class Learner(Protocol):
    """Learns; lives inline or in the worker process."""

    def learn(self, experience: Any) -> Learnt:
        """Learn from what a player's `experience` said, in order."""
        ...

    def weights(self) -> Weights:
        """What a player needs to act; parts unchanged since the last call may be left out."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything, for `engine.learning.checkpoint`, so that learning can go on from here."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described.

        Raises:
            CheckpointError: it is of another make; nothing has changed then.
        """
        ...


class LearningScheme(Scheme, Protocol):
    """The player of a learned scheme.

    Attributes:
        explores: set while it is being trained, by whoever feeds its learner.
    """

    explores: bool

    def experience(self, outcome: Outcome) -> Any:
        """A picklable record of the last `act` and what came of it."""
        ...

    def take(self, weights: Weights) -> None:
        """Act by these from now on; parts left out stay as they are."""
        ...


@dataclass(frozen=True)
class News:
    """What is new since a trainer was last asked.

    Attributes:
        weights: the newest, None where there are none. learnt: in order.
        state: of the learner. message: one sentence where it is not simply training.
        dropped: steps that were not learnt from because the worker was busy.
    """

    weights: Weights | None
    learnt: tuple[Learnt, ...]
    state: State
    message: str = ""
    dropped: int = 0


class Trainer(Protocol):
    """Where a learner lives; none of its methods waits for learning elsewhere."""

    def feed(self, experience: Any) -> None:
        """Give it a step to learn from."""
        ...

    def poll(self) -> News:
        """What is new since the last poll."""
        ...

    def close(self) -> None:
        """End it; safe to call twice."""
        ...


class InlineTrainer:
    """Learns inside `feed`, so that a headless run is a function of its seed."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._learnt: list[Learnt] = []

    def feed(self, experience: Any) -> None:
        """Learn from it at once."""
        self._learnt.append(self.learner.learn(experience))

    def poll(self) -> News:
        """What was learnt since the last poll; weights come with it."""
        learnt, self._learnt = tuple(self._learnt), []
        return News(self.learner.weights() if learnt else None, learnt, "training")

    def close(self) -> None:
        """Nothing to end."""
