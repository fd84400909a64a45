"""The rho of least expected cost for every vehicle on its own, by what its twins say."""

from __future__ import annotations

import numpy as np

from engine.physics import offloading
from engine.physics.offloading import Overhead
from engine.physics.split import cheapest_share
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
    overhead = Overhead.of(observation.params)
    bits, cycles, deadline_s = (
        values[at]
        for values in (observation.data_bits, observation.cycles, observation.deadline_s)
    )
    rate_bps = observation.rate_bps[at, serving]
    a = cycles / observation.cpu_hz[at]
    t_result = offloading.RESULT_SHARE * bits / rate_bps
    b = bits / rate_bps + cycles / twins.cpu_hz[serving]
    c = wait_s[serving] + overhead.twin_s
    radio_s = bits / rate_bps
    fixed: Floats | float = 0.0
    if overhead.share_result:
        b, radio_s = b + t_result, radio_s + t_result
    else:
        c = c + t_result
        fixed = offloading.radio_energy(t_result) / offloading.ENERGY_SCALE_J
    saved_j = offloading.VEHICLE_J_PER_CYCLE - offloading.RSU_J_PER_CYCLE
    slope = (
        (offloading.radio_energy(radio_s) - saved_j * cycles) / offloading.ENERGY_SCALE_J
        + twins.unit_price[serving] / offloading.PRICE_SCALE
        + toll_per_gcycle[serving] * cycles / GIGA
    )
    best, _ = cheapest_share(a, b, c, deadline_s, slope, fixed)
    rho = np.zeros(len(observation.has_task))
    rho[at] = np.where(twins.up[serving], best, 0.0)
    return rho
