"""What a learned scheme is made of, so that one player and one learner serve them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from engine.learning.agents import Acting, Agents
from engine.learning.exploration import Exploration

#: own: the observation and reward that the paper gives a scheme. equal: those of AF-MARL, which has
#: no others: toll, AdFL's context, seats, loads that the mesh shares, closed form of the split.
Ingredients = Literal["own", "equal"]
#: When learners are merged: as the parameter `aggregation` says, at every arrival, in rounds for
#: which all wait, or never.
Aggregation = Literal["chosen", "async", "sync", "none"]


class Settings(Protocol):
    """What the settings of every algorithm have: frozen dataclasses, ready for JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def learners(self) -> int:
        """G."""
        ...

    @property
    def learning_rate(self) -> float:
        """At the beginning."""
        ...


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Algorithm(Generic[S]):
    """How a scheme's agents are made and merged.

    Attributes:
        scheme: its name. settings: their class.
        agents: makes the learning half from the width of s, settings and a seed of the networks;
            all G learners are alike then.
        acting: makes the acting half from the width of s, settings and how it explores at first;
            it is given weights before it acts.
        aggregation: see `Aggregation`.
    """

    scheme: str
    settings: type[S]
    agents: Callable[[int, S, int], Agents]
    acting: Callable[[int, S, Exploration], Acting]
    aggregation: Aggregation
