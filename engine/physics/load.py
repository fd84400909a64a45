"""The load index u: how contested the RSUs are, MODEL B.5."""

from __future__ import annotations

from typing import Final

from engine.params import Params
from engine.units import GIGA

#: The share that a lone task offloads at the defaults, MODEL B.
LONE_SHARE: Final = 0.43
#: Below the first the selfish choice is the best one, above the second RSUs are out of reach.
INTERESTING: Final = (0.6, 4.0)


def load_index(params: Params, vehicles: float, rsus: int) -> float:
    """Load u = N lambda C_mean rho_lone / (M K f_mean); interesting between 0.6 and 4.

    Args:
        params: parameters in force.
        vehicles: N.
        rsus: M.
    """
    work_hz = vehicles * params.task_rate * sum(params.task_cycles) / 2 * GIGA * LONE_SHARE
    capacity_hz = rsus * int(params.rsu_cores) * sum(params.rsu_capacity) / 2 * GIGA
    return work_hz / capacity_hz
