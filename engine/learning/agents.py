"""The two halves of a learned scheme's algorithm: how its agents act, and how they learn.

G learners are one stack of networks (G, ...); vehicle n acts by those of learner n mod G. A player
holds the acting half, a learner the learning one; both speak in the same names of weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.experience import Experience
from engine.learning.features import View
from engine.learning.trainer import Weights
from engine.models.split_head import Belief
from engine.types import Floats, Ints


@dataclass(frozen=True)
class Acted:
    """What agents chose.

    Attributes:
        rho: offloaded fractions in [0, 1], (k,).
        note: what the learner must know of the choice besides, such as its log-probability,
            (k, w); w may be 0.
    """

    rho: Floats
    note: NDArray[np.float32]


class Acting(Protocol):
    """How agents act."""

    def act(self, vehicle: Ints, seen: View, rng: np.random.Generator | None) -> Acted:
        """Choose for every row.

        Args:
            vehicle: of each row, (k,).
            seen: what it sees.
            rng: to explore by; None acts greedily.
        """
        ...

    def take(self, weights: Weights) -> None:
        """Act by these from now on; parts left out stay as they are."""
        ...


@runtime_checkable
class Believing(Protocol):
    """Acting that replies to a belief of the wait and can tell it."""

    def believe(
        self, vehicle: int, seen: View, at: int, *, exploring: bool
    ) -> tuple[Belief, float] | None:
        """Belief and reply for the row `at`, exploration left out; None in another form."""
        ...


class Agents(Protocol):
    """G learners of one algorithm: networks, memory, updates."""

    @property
    def samples(self) -> Floats:
        """What each learner has learnt from lately: its weight in an aggregation, (G,)."""
        ...

    def take(self, seen: Experience) -> None:
        """Remember a step."""
        ...

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Update every learner if it is time: mean losses by name (critic, actor), {} if not."""
        ...

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter by name, (G, ...); writing them counts. All are federated and shipped."""
        ...

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """Those that `Acting.take` needs."""
        ...

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        ...

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """The optimisers' memory by name."""
        ...

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; without an entry a parameter's optimiser starts anew."""
        ...

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        ...

    def memory(self) -> dict[str, Any]:
        """What is remembered of steps, for a checkpoint; arrays under `tensors`."""
        ...

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        ...
