"""From twins to the state s_n of eq. (46), extended as MODEL A3.9, one row a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.learning.seats import Seats
from engine.models.split_head import DEAL
from engine.physics.offers import offer
from engine.physics.offloading import Overhead
from engine.types import Floats, Ints, Observation
from engine.units import BITS_PER_MB, BPS_PER_MBPS, GIGA

#: The vehicle's own part, (46) verbatim; the RSU's extended twin; what the mesh shares; the hop.
OWN: Final = 6
RSU: Final = 8
SHARED: Final = 12
STATE: Final = OWN + RSU + SHARED + 1
#: AdFL context, MODEL D.6: 6 w_hat and the predicted probability of success.
CONTEXT: Final = 2
#: Capacity at which the RSU's loads have the scale of MODEL A3.9: one core of 3 GHz.
_UNIT_GHZ: Final = 3.0


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
    state = np.concatenate(
        [own(observation, row), rsus(observation, seats)[seat], away[:, None], context[row]], axis=1
    )
    return View(row, seat, state.astype(np.float32), deals(observation, row, seat, away))


def own(observation: Observation, row: Ints) -> Floats:
    """The first block of MODEL A3.9: f, r, E, D, C, T of the vehicle, (k, 6)."""
    o = observation
    rate = o.rate_bps[row, o.serving[row]] / BPS_PER_MBPS
    columns = (
        (o.cpu_hz[row] / GIGA - 2.0) / 0.3,
        (rate - 40.0) / 10.0,
        o.battery_j[row] / o.battery_capacity_j[row] - 0.5,
        (o.data_bits[row] / BITS_PER_MB - 1.25) / 0.43,
        (o.cycles[row] / GIGA - 1.0) / 0.29,
        (o.deadline_s[row] - 0.6) / 0.25,
    )
    return np.stack(columns, axis=1)


def rsus(observation: Observation, seats: Seats) -> Floats:
    """The second block of MODEL A3.9 and what the mesh shares, (M, RSU + SHARED).

    Loads count per capacity, so that they mean the same with one core and with four.
    """
    twins, rate = observation.rsus, observation.params.task_rate
    capacity = observation.cores * twins.cpu_hz / GIGA / _UNIT_GHZ
    requests = twins.requests / capacity / 5.0 - 1.0
    backlog, wait = 4.0 * twins.backlog_s - 0.5, 6.0 * twins.mean_wait_s - 0.5
    block = (
        (twins.cpu_hz / GIGA - 3.0) / 0.29,
        (twins.unit_price - 0.375) / 0.07,
        backlog,
        rate * twins.attached / capacity / 5.0 - 1.0,
        requests,
        6.0 * twins.last_wait_s - 0.5,
        wait,
        twins.mean_work_cycles / GIGA / capacity / 2.0 - 1.0,
    )
    demand = seats.demand / capacity / 5.0 - 1.0
    planned = seats.planned / capacity / 5.0 - 1.0
    told = np.stack([planned, demand, requests, backlog, wait], axis=1)
    near = neighbourhood(observation.neighbours)
    around = near @ told
    return np.concatenate([np.stack(block, axis=1), told[:, :2], around, near @ around], axis=1)


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
