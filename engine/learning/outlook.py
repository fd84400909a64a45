"""What a scheme's agents are shown of a step, by its ingredients."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.algorithm import Ingredients
from engine.learning.features import CONTEXT, OWN, RSU, View, view
from engine.learning.foresight import Foresight
from engine.learning.seats import take_seats
from engine.learning.trainer import Weights
from engine.learning.twin_sight import TwinSight, without_rsus
from engine.types import BY_RULE, Floats, Ints, Observation


@dataclass(frozen=True)
class Shown:
    """A step as the agents see it.

    Attributes:
        observation: it is of. view: of its tasks, (k, ...). target: where each of them goes, (k,).
        context: AdFL's of every vehicle, (n, 2), None without. window: AdFL's inputs, (n, .), None
            where it is not used.
    """

    observation: Observation
    view: View
    target: Ints
    context: Floats | None
    window: NDArray[np.float32] | None


class Outlook(Protocol):
    """Shows one episode's steps in order."""

    def show(self, observation: Observation) -> Shown:
        """The next step."""
        ...

    def take(self, weights: Weights) -> None:
        """Foresee by these from now on; parts left out stay as they are."""
        ...

    def forget(self) -> None:
        """Another city begins."""
        ...


def outlook(ingredients: Ingredients, forecasts: Mapping[bool, Tensor]) -> Outlook:
    """The outlook that comes with these ingredients; `forecasts` as in `Policy`."""
    return OwnOutlook() if ingredients == "own" else SharedOutlook(forecasts)


class OwnOutlook:
    """Vehicle and serving RSU as (46) and MODEL A3.9 have them; the rule chooses the server."""

    def show(self, observation: Observation) -> Shown:
        """See `Outlook`; what the mesh shares, the hop and the context are zero."""
        context = np.zeros((len(observation.vehicle), CONTEXT))
        seen = view(observation, take_seats(observation, shared=False), context)
        state = seen.state.copy()
        state[:, OWN + RSU :] = 0.0
        blank = dataclasses.replace(seen, state=state)
        return Shown(observation, blank, np.full(len(seen.row), BY_RULE), None, None)

    def take(self, weights: Weights) -> None:
        """Nothing is foreseen."""

    def forget(self) -> None:
        """Nothing is kept."""


class SharedOutlook:
    """AF-MARL's: AdFL's context, and RSUs that tell each other their loads and seat the tasks.

    Args:
        forecasts: w^(0) of each variant of AdFL that is known, (P,).
    """

    def __init__(self, forecasts: Mapping[bool, Tensor]) -> None:
        self.foresight = Foresight({c: v[None].clone() for c, v in forecasts.items()})
        self.sight = TwinSight()

    def show(self, observation: Observation) -> Shown:
        """See `Outlook`; `agent_twin` and `forecast` say how much of it there is."""
        blind = observation.params.agent_twin == "off"
        shown = self.sight.see(observation)
        # (46) has AdFL's context with or without the RSUs' twins; AdFL itself has them.
        context = self.foresight.context(observation if blind else shown)
        seats = take_seats(shown, shared=not blind)
        told = np.zeros((len(observation.vehicle), CONTEXT)) if context is None else context
        seen = view(shown, seats, told)
        target = np.full(len(seen.row), BY_RULE)
        if blind:
            seen = without_rsus(seen, CONTEXT)
        else:
            by_rule = observation.params.v2v & (seen.seat == observation.serving[seen.row])
            target = np.where(by_rule, BY_RULE, seen.seat)
        return Shown(observation, seen, target, context, self.foresight.window)

    def take(self, weights: Weights) -> None:
        """See `Outlook`."""
        self.foresight.take(weights)

    def forget(self) -> None:
        """See `Outlook`."""
        self.sight = TwinSight()
        self.foresight.forget()
