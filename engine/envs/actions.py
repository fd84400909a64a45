"""What an agent may do: choose rho, choose one of eleven levels of it, or an RSU as well."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from engine.types import BY_RULE, Decision, Floats, Ints, Observation

#: Highest level: level k is rho = k / 10.
TOP_LEVEL: Final = 10
#: Targets: the rule of MODEL A3.7, the serving RSU, its neighbours east, north, west and south.
TARGETS: Final = 6


class Actions(Protocol):
    """A kind of action. Actions of vehicles without a task change nothing."""

    #: Whether the choice needs the twins of the RSU's neighbours.
    neighbours: bool

    @abstractmethod
    def space(self) -> spaces.Space[Any]:
        """A new space of one agent's actions."""

    @abstractmethod
    def decision(self, given: Sequence[Any] | NDArray[Any], seen: Observation) -> Decision:
        """What the agents' actions decide.

        Args:
            given: one action a vehicle, in the order of the observation.
            seen: what they go by.

        Raises:
            ValueError: an action is not of the space; one sentence.
        """


class Rho(Actions):
    """`rho`: the offloaded fraction, Box(0, 1, (1,)); what is beyond the ends is cut off."""

    neighbours = False

    def space(self) -> spaces.Space[Any]:
        """Box(0, 1, (1,))."""
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    def decision(self, given: Sequence[Any] | NDArray[Any], seen: Observation) -> Decision:
        """Rho as chosen, the target by the rule."""
        n = len(seen.vehicle)
        return Decision(_fractions(given, n), np.full(n, BY_RULE))


class Levels(Actions):
    """`levels`: Discrete(11), rho in tenths."""

    neighbours = False

    def space(self) -> spaces.Space[Any]:
        """Discrete(11)."""
        return spaces.Discrete(TOP_LEVEL + 1)

    def decision(self, given: Sequence[Any] | NDArray[Any], seen: Observation) -> Decision:
        """Tenths, the target by the rule."""
        n = len(seen.vehicle)
        return Decision(_choices(given, n, TOP_LEVEL + 1) / TOP_LEVEL, np.full(n, BY_RULE))


class RhoTarget(Actions):
    """`rho+target`: Dict(rho=Box(0, 1, (1,)), target=Discrete(6)).

    Target 0 is the rule of MODEL A3.7, 1 the serving RSU, 2 to 5 its mesh neighbour east, north,
    west or south; where there is no such neighbour, the serving RSU.
    """

    neighbours = True

    def space(self) -> spaces.Space[Any]:
        """Both choices by name."""
        return spaces.Dict(
            {"rho": spaces.Box(0.0, 1.0, (1,), np.float32), "target": spaces.Discrete(TARGETS)}
        )

    def decision(self, given: Sequence[Any] | NDArray[Any], seen: Observation) -> Decision:
        """Both as chosen."""
        n = len(seen.vehicle)
        try:
            rho, target = ([each[key] for each in given] for key in ("rho", "target"))
        except (TypeError, KeyError, IndexError):
            raise ValueError(
                "An action is no choice of rho and target: expected both by name."
            ) from None
        chosen = _choices(target, n, TARGETS)
        serving = seen.serving[:, None]
        seats = np.concatenate(
            [np.full((n, 1), BY_RULE), serving, seen.neighbours[seen.serving]], axis=1
        )
        at = seats[np.arange(n), chosen]
        at = np.where((chosen > 0) & (at < 0), seen.serving, at)
        return Decision(_fractions(rho, n), np.where(seen.serving >= 0, at, BY_RULE))


ACTIONS: Final[Mapping[str, Actions]] = {
    "rho": Rho(),
    "levels": Levels(),
    "rho+target": RhoTarget(),
}


def _fractions(given: Sequence[Any] | NDArray[Any], n: int) -> Floats:
    """One number an agent, (n,)."""
    try:
        return np.asarray(given, np.float64).reshape(n)
    except (TypeError, ValueError):
        raise ValueError("An action is no offloaded fraction: expected shape (1,).") from None


def _choices(given: Sequence[Any] | NDArray[Any], n: int, count: int) -> Ints:
    """One choice of so many an agent, (n,)."""
    try:
        chosen = np.asarray(given).reshape(n)
        known = bool(np.all((chosen >= 0) & (chosen < count) & (chosen == np.floor(chosen))))
    except (TypeError, ValueError):
        known = False
    if not known:
        raise ValueError(f"An action is no choice: expected a whole number from 0 to {count - 1}.")
    return chosen.astype(np.int64)
