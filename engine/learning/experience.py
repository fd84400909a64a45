"""What a player hands to its learner: one step as plain arrays, so that it can cross a pipe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.learning.features import View
from engine.physics.offloading import ENERGY_SCALE_J
from engine.types import Bools, Floats, Ints, Observation, Outcome
from engine.units import STEP_S


@dataclass(frozen=True)
class Tasks:
    """The tasks that could be offloaded: what was seen, done and got, (k, ...).

    Attributes:
        vehicle: whose, (k,). seat, state, deal: as in `View`. note: of the choice, see `Acted`.
        rho: executed. cost, toll: Omega and X.
    """

    vehicle: Ints
    seat: Ints
    state: NDArray[np.float32]
    deal: NDArray[np.float32]
    note: NDArray[np.float32]
    rho: Floats
    cost: Floats
    toll: Floats


@dataclass(frozen=True)
class Experience:
    """One step of one arm.

    Attributes:
        step: its number. aggregation, cvae: the switches in force.
        vehicle, slot, serving, cpu_hz, battery_j: of every vehicle, (n,).
        position_m, velocity_mps: of its twin, (n, 2). rate_bps: to the serving RSU, (n,).
        has_task, late, energy, success: what came of it: min(t/T, 3) and E/E_max, (n,).
        last_wait_s: by the RSUs' twins as the step began, (M,). waits_known: it is that of the step
            before; twins that are synchronised more rarely tell of an older one.
        window: AdFL's inputs of every vehicle, (n, .), None while AdFL is not used.
        tasks: of the agents.
    """

    step: int
    aggregation: str
    cvae: bool
    vehicle: Ints
    slot: Ints
    serving: Ints
    cpu_hz: Floats
    battery_j: Floats
    position_m: Floats
    velocity_mps: Floats
    rate_bps: Floats
    has_task: Bools
    late: Floats
    energy: Floats
    success: Bools
    last_wait_s: Floats
    waits_known: bool
    window: NDArray[np.float32] | None
    tasks: Tasks


def experience(
    observation: Observation,
    outcome: Outcome,
    seen: View,
    note: NDArray[np.float32],
    window: NDArray[np.float32] | None,
) -> Experience:
    """The record of a step.

    Args:
        observation: as the twins had it.
        outcome: of the decisions.
        seen: what the agents were shown of it.
        note: of their choices, (k, w).
        window: AdFL's inputs, None while it is not used.
    """
    o, row = observation, seen.row
    late = np.divide(outcome.delay_s, o.deadline_s, where=o.has_task, out=np.zeros(len(o.has_task)))
    return Experience(
        step=o.step,
        aggregation=o.params.aggregation,
        cvae=o.params.cvae,
        vehicle=o.vehicle,
        slot=o.slot,
        serving=o.serving,
        cpu_hz=o.cpu_hz,
        battery_j=o.battery_j,
        position_m=o.position_m,
        velocity_mps=o.velocity_mps,
        rate_bps=o.rate_bps[np.arange(len(o.vehicle)), o.serving],
        has_task=o.has_task,
        late=np.minimum(late, 3.0),
        energy=outcome.energy_j / ENERGY_SCALE_J,
        success=outcome.success,
        last_wait_s=o.rsus.last_wait_s,
        waits_known=o.rsus.age_s <= STEP_S,
        window=window,
        tasks=Tasks(
            vehicle=o.vehicle[row],
            seat=seen.seat,
            state=seen.state,
            deal=seen.deal,
            note=note,
            rho=outcome.rho[row],
            cost=outcome.cost[row],
            toll=outcome.toll[row],
        ),
    )
