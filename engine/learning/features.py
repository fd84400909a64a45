"""From twins to the state s_n of eq. (46), extended as MODEL A3.9, one row a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.learning import state
from engine.learning.seats import Seats
from engine.learning.state import OWN_COLUMNS, RSU_COLUMNS
from engine.models.split_head import DEAL
from engine.physics.offers import offer
from engine.physics.offloading import Overhead
from engine.types import Floats, Ints, Observation

#: The vehicle's own part, (46) verbatim; the RSU's extended twin; what the mesh shares; the hop.
OWN: Final = len(OWN_COLUMNS)
RSU: Final = len(RSU_COLUMNS)
SHARED: Final = 12
STATE: Final = OWN + RSU + SHARED + 1
#: AdFL context, MODEL D.6: 6 w_hat and the predicted probability of success.
CONTEXT: Final = 2
#: Columns of its own twin that an RSU tells its neighbours.
_TOLD: Final = ("rsu_requests", "rsu_backlog", "rsu_mean_wait")


@dataclass(frozen=True)
class View:
    """The tasks that can be offloaded, one row each.

    Attributes:
        row: in the observation, (k,). seat: RSU, (k,).
        state: s_n, (k, STATE + CONTEXT). deal: closed form of the task at its seat, (k, 8).
    """

    row: Ints
    seat: Ints
    state: NDArray[np.float32]
    deal: NDArray[np.float32]


def view(observation: Observation, seats: Seats, context: Floats) -> View:
    """What the agents see.

    Args:
        observation: of the step.
        seats: of the step.
        context: AdFL's, zeros if it is off, (n, CONTEXT).
    """
    able = observation.has_task & (observation.serving >= 0) & (seats.target >= 0)
    row = np.flatnonzero(able)
    seat = seats.target[row]
    away = (seat != observation.serving[row]).astype(np.float64)
    known = np.concatenate(
        [state.own(observation, row), rsus(observation, seats)[seat], away[:, None], context[row]],
        axis=1,
    )
    return View(row, seat, known.astype(np.float32), deals(observation, row, seat, away))


def rsus(observation: Observation, seats: Seats) -> Floats:
    """The second block of MODEL A3.9 and what the mesh shares, (M, RSU + SHARED)."""
    block, capacity = state.rsus(observation), state.capacity(observation)
    demand = seats.demand / capacity / 5.0 - 1.0
    planned = seats.planned / capacity / 5.0 - 1.0
    requests, backlog, wait = (block[:, RSU_COLUMNS.index(name)] for name in _TOLD)
    told = np.stack([planned, demand, requests, backlog, wait], axis=1)
    near = neighbourhood(observation.neighbours)
    around = near @ told
    return np.concatenate([block, told[:, :2], around, near @ around], axis=1)


def neighbourhood(neighbours: Ints) -> Floats:
    """Mean over the mesh neighbours as a matrix, (M, M)."""
    count = len(neighbours)
    near = np.zeros((count, count))
    for m, row in enumerate(neighbours):
        near[m, row[row >= 0]] = 1.0
    mean: Floats = near / np.maximum(near.sum(axis=1, keepdims=True), 1.0)
    return mean


def deals(observation: Observation, row: Ints, seat: Ints, away: Floats) -> NDArray[np.float32]:
    """Closed form of each task at its seat by what the twins say, columns `DEAL`, (k, 8)."""
    o, twins, serving = observation, observation.rsus, observation.serving[row]
    found = offer(
        o.data_bits[row],
        o.cycles[row],
        o.deadline_s[row],
        o.cpu_hz[row],
        o.rate_bps[row, serving],
        twins.cpu_hz[seat],
        twins.unit_price[seat],
        Overhead.of(o.params),
        hops=away,
        mesh_s_per_bit=away / twins.mesh_rate_bps[serving],
    )
    toll_unit = o.cycles[row] / (o.cores * twins.cpu_hz[seat])
    columns = [*(getattr(found, name) for name in DEAL[:-1]), toll_unit]
    return np.stack(columns, axis=1).astype(np.float32)
