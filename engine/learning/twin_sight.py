"""What AF-MARL is let see of the RSUs' twins: all, every fifth second's, or none of it."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from engine.learning.features import OWN, View
from engine.params import Params
from engine.types import Observation, RsuTwins
from engine.units import BPS_PER_MBPS, GIGA

#: Seconds between two looks at the twins where they are stale.
STALE_S: Final = 5


class TwinSight:
    """Keeps the twins of the last look."""

    def __init__(self) -> None:
        self._held: RsuTwins | None = None
        self._held_step = 0

    def see(self, observation: Observation) -> Observation:
        """The observation with RSU twins as `agent_twin` lets them be seen."""
        o, mode = observation, observation.params.agent_twin
        if mode == "off":
            return dataclasses.replace(o, rsus=nominal(o.params, len(o.rsus.up)))
        due = self._held is None or o.step - self._held_step >= STALE_S
        if mode == "fresh" or due or self._held is None:
            self._held, self._held_step = o.rsus, o.step
            return o
        late_s = self._held.age_s + o.step - self._held_step
        return dataclasses.replace(o, rsus=dataclasses.replace(self._held, age_s=late_s))


def nominal(params: Params, count: int) -> RsuTwins:
    """RSUs of which only the parameters' ranges are known: idle, up, in the middle of each."""

    def middle(bounds: tuple[float, float], unit: float = 1.0) -> np.ndarray:
        return np.full(count, 0.5 * unit * (bounds[0] + bounds[1]))

    nothing = np.zeros(count)
    return RsuTwins(
        age_s=0.0,
        cpu_hz=middle(params.rsu_capacity, GIGA),
        unit_price=middle(params.rsu_price),
        battery_j=nothing,
        mesh_rate_bps=middle(params.mesh_rate, BPS_PER_MBPS),
        up=np.ones(count, bool),
        backlog_s=nothing,
        attached=nothing,
        requests=nothing,
        last_wait_s=nothing,
        mean_wait_s=nothing,
        mean_work_cycles=nothing,
    )


def without_rsus(seen: View, context: int) -> View:
    """The state (46) verbatim: the vehicle's own part and AdFL's context, zeros between.

    Args:
        seen: with everything.
        context: width of the context, last in the state.
    """
    state = seen.state.copy()
    state[:, OWN : state.shape[1] - context] = 0.0
    return dataclasses.replace(seen, state=state)
