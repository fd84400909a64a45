"""The rho of least expected cost for every vehicle on its own, by what its twins say."""

from __future__ import annotations

import numpy as np

from engine.physics.offers import offer
from engine.physics.offloading import Overhead
from engine.types import Floats, Observation
from engine.units import GIGA


def expected_share(observation: Observation, wait_s: Floats, toll_per_gcycle: Floats) -> Floats:
    """The exact minimiser of expected Omega plus toll at the serving RSU, eq. (22), (n,).

    Args:
        observation: what is known.
        wait_s: expected in the queue of each RSU, (M,).
        toll_per_gcycle: charged per offloaded Gcycle at each RSU, in units of Omega, (M,).

    Returns:
        rho, 0 for vehicles without a task or without an RSU that works, (n,).
    """
    at = np.flatnonzero(observation.has_task & (observation.serving >= 0))
    serving, twins = observation.serving[at], observation.rsus
    cycles = observation.cycles[at]
    deal = offer(
        observation.data_bits[at],
        cycles,
        observation.deadline_s[at],
        observation.cpu_hz[at],
        observation.rate_bps[at, serving],
        twins.cpu_hz[serving],
        twins.unit_price[serving],
        Overhead.of(observation.params),
    )
    best, _ = deal.cheapest(wait_s[serving], toll_per_gcycle[serving] * cycles / GIGA)
    rho = np.zeros(len(observation.has_task))
    rho[at] = np.where(twins.up[serving], best, 0.0)
    return rho
