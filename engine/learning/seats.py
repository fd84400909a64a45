"""Which RSU serves whom: neighbours on the mesh share their load by quotas, a second ahead.

City traffic crowds a few cells. If every vehicle picked the RSU that its stale twin calls idle, all
would pick the same one (MODEL B: stale re-routing hurts). So the RSUs agree instead: by the twins,
each knows which of its vehicles had a task a second ago and, sessions being sticky, expects them
again; one by one they are seated at the serving RSU or a mesh neighbour, where the load per
capacity is least. Seating in turn beats drawing at random, as it leaves no clumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.physics.settle import total
from engine.types import Floats, Ints, Observation
from engine.units import GIGA

#: Load per capacity that the serving RSU may have above a neighbour's before a seat moves there:
#: what a hop costs, in that unit.
HOP_PENALTY: Final = 0.14
#: Rounds in which each vehicle may change its seat.
ROUNDS: Final = 3
_HAS_TASK: Final = 12


@dataclass(frozen=True)
class Seats:
    """The plan of one step.

    Attributes:
        target: RSU of each vehicle, -1 for none, (n,).
        demand: tasks expected from the vehicles attached to each RSU, (M,).
        planned: tasks expected at each RSU after seating, (M,).
    """

    target: Ints
    demand: Floats
    planned: Floats


def take_seats(observation: Observation, *, shared: bool = True) -> Seats:
    """Seat every vehicle.

    Args:
        observation: what the twins say; no other vehicle's fresh task is read.
        shared: let neighbours take load; off seats everybody at the serving RSU.
    """
    twins, serving = observation.rsus, observation.serving
    count = len(twins.up)
    likely = expected_tasks(observation)
    attached = serving >= 0
    demand = total(serving[attached], likely[attached], count)
    alone = np.where(attached & twins.up[serving], serving, -1)
    if not shared or observation.params.mesh == "off":
        return Seats(alone, demand, demand)
    movable = np.flatnonzero(attached & (likely > 0.5))
    stays = attached & (likely <= 0.5)
    load = total(serving[stays], likely[stays], count)
    capacity = observation.cores * twins.cpu_hz / GIGA
    seat, planned = _seat(
        serving[movable].tolist(), likely[movable].tolist(), load.tolist(), capacity.tolist(),
        twins.up.tolist(), observation.neighbours,
    )  # fmt: skip
    target = alone.copy()
    target[movable] = seat
    return Seats(target, demand, np.array(planned))


def expected_tasks(observation: Observation) -> Floats:
    """Probability of a task this step, by the twin's last row and the known session rates, (n,)."""
    params = observation.params
    pace = 2.0 * params.task_switching
    had = observation.history[:, -1, _HAS_TASK] > 0.5
    return np.where(had, 1.0 - pace * (1.0 - params.task_rate), pace * params.task_rate)


def _seat(
    serving: list[int],
    likely: list[float],
    load: list[float],
    capacity: list[float],
    up: list[bool],
    neighbours: Ints,
) -> tuple[list[int], list[float]]:
    """Greedy rounds: each in turn takes the seat that is cheapest as the others sit, (k,), (M,)."""
    choices = [
        [k for k in (m, *row) if k >= 0 and up[k]] for m, row in enumerate(neighbours.tolist())
    ]
    seat = [-1] * len(serving)
    # One by one, as each choice hangs on all before: some hundred vehicles by five seats.
    for _ in range(ROUNDS):
        for i, (m, weight) in enumerate(zip(serving, likely, strict=True)):
            if seat[i] >= 0:
                load[seat[i]] -= weight
            best, least = -1, float("inf")
            for k in choices[m]:
                price = (load[k] + 0.5 * weight) / capacity[k] + (HOP_PENALTY if k != m else 0.0)
                if price < least:
                    best, least = k, price
            seat[i] = best
            if best >= 0:
                load[best] += weight
    return seat, load
