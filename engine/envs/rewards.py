"""What an agent earns for its task: R1, R2, R3 or R3n of MODEL A3.9; nothing without a task.

`R1` = 1/Omega, eq. (53) as printed, and `R2` = -Omega count the own cost alone. `R3` =
1/(Omega + X) and `R3n` = -(Omega + X) add the toll X for the delay caused to those queued behind,
so that who serves itself serves the others: the default for cooperation is `R3`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from engine.physics.reward import (
    inverse_cost,
    inverse_social_cost,
    negative_cost,
    negative_social_cost,
)
from engine.types import Bools, Floats, Outcome

REWARDS: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {
    "R1": lambda cost, _: inverse_cost(cost),
    "R2": lambda cost, _: negative_cost(cost),
    "R3": inverse_social_cost,
    "R3n": negative_social_cost,
}


def earned(reward: str, has_task: Bools, outcome: Outcome) -> Floats:
    """The reward of each vehicle, zero without a task, (n,).

    Args:
        reward: one of `REWARDS`.
        has_task: who had a task, (n,).
        outcome: of the step, (n,) each.
    """
    paid = np.zeros(len(has_task))
    paid[has_task] = REWARDS[reward](outcome.cost[has_task], outcome.toll[has_task])
    return paid
