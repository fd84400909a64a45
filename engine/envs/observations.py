"""What an agent sees: MODEL A3.9, its own state and its RSU's twin, and whether it has a task."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.learning.state import OWN_COLUMNS, RSU_COLUMNS, own, rsus
from engine.types import Floats, Observation

#: Of every observation: the vehicle's own f, r (as its twin has it), E, D, C, T, then its RSU's
#: twin f, p, W, cnt, req, lw, hw, hl, each centred and scaled as MODEL A3.9 says, then 1 with a
#: task and 0 without. D, C and T are 0 without a task, the RSU's columns are 0 out of its reach.
COLUMNS: Final = (*OWN_COLUMNS, *RSU_COLUMNS, "has_task")
#: The RSU's mesh neighbours, in the order of `Observation.neighbours`.
DIRECTIONS: Final = ("east", "north", "west", "south")
#: Appended where an agent chooses its target: the same twin columns of each neighbour, 0 where
#: there is none.
NEIGHBOUR_COLUMNS: Final = tuple(f"{way}_{name}" for way in DIRECTIONS for name in RSU_COLUMNS)
_TASK: Final = slice(OWN_COLUMNS.index("data"), OWN_COLUMNS.index("deadline") + 1)


def observed(observation: Observation, *, neighbours: bool) -> NDArray[np.float32]:
    """One row a vehicle, columns `COLUMNS`, and `NEIGHBOUR_COLUMNS` if wanted, (n, W)."""
    n = len(observation.vehicle)
    known = own(observation, np.arange(n))
    known[~observation.has_task, _TASK] = 0.0
    twins = rsus(observation)
    blocks = [known, _rows(twins, observation.serving), observation.has_task[:, None]]
    if neighbours:
        near = observation.neighbours[observation.serving]
        near[observation.serving < 0] = -1
        blocks += [_rows(twins, near[:, way]) for way in range(len(DIRECTIONS))]
    return np.concatenate(blocks, axis=1, dtype=np.float32)


def overview(observation: Observation) -> NDArray[np.float32]:
    """The twins of all RSUs, one after the other: what a central critic may see, (M * 8,)."""
    return rsus(observation).astype(np.float32).ravel()


def _rows(twins: Floats, which: NDArray[np.int64]) -> Floats:
    """The rows of those RSUs, zeros for -1, (n, 8)."""
    return np.asarray(np.where((which >= 0)[:, None], twins[which], 0.0))
