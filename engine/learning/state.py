"""The state s_n of eq. (46), extended as MODEL A3.9: what vehicle and RSU know of themselves."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import Floats, Ints, Observation
from engine.units import BITS_PER_MB, BPS_PER_MBPS, GIGA

#: The vehicle's own part, (46) verbatim: f_n, r_n, E_n / capacity, D_n, C_n, T_n.
OWN_COLUMNS: Final = ("cpu", "rate", "battery", "data", "cycles", "deadline")
#: The RSU's extended twin: f_m, p_m, W_m, cnt_m, req_m, lw_m, hw_m, hl_m.
RSU_COLUMNS: Final = (
    "rsu_cpu", "rsu_price", "rsu_backlog", "rsu_attached", "rsu_requests", "rsu_last_wait",
    "rsu_mean_wait", "rsu_mean_work",
)  # fmt: skip
#: Capacity at which the RSU's loads have the scale of MODEL A3.9: one core of 3 GHz.
_UNIT_GHZ: Final = 3.0


def own(observation: Observation, row: Ints) -> Floats:
    """The first block of MODEL A3.9, columns `OWN_COLUMNS`, (k, 6).

    The rate of a vehicle that no RSU serves is 0, its task's columns mean nothing without one.

    Args:
        observation: of the step.
        row: which vehicles, (k,).
    """
    o = observation
    served = o.serving[row] >= 0
    rate = np.where(served, o.rate_bps[row, o.serving[row]], 0.0) / BPS_PER_MBPS
    columns = (
        (o.cpu_hz[row] / GIGA - 2.0) / 0.3,
        (rate - 40.0) / 10.0,
        o.battery_j[row] / o.battery_capacity_j[row] - 0.5,
        (o.data_bits[row] / BITS_PER_MB - 1.25) / 0.43,
        (o.cycles[row] / GIGA - 1.0) / 0.29,
        (o.deadline_s[row] - 0.6) / 0.25,
    )
    return np.stack(columns, axis=1)


def capacity(observation: Observation) -> Floats:
    """Of each RSU, in units of one core of 3 GHz, (M,)."""
    return observation.cores * observation.rsus.cpu_hz / GIGA / _UNIT_GHZ


def rsus(observation: Observation) -> Floats:
    """The second block of MODEL A3.9, columns `RSU_COLUMNS`, (M, 8).

    Loads count per capacity, so that they mean the same with one core and with four.
    """
    twins, rate = observation.rsus, observation.params.task_rate
    each = capacity(observation)
    columns = (
        (twins.cpu_hz / GIGA - 3.0) / 0.29,
        (twins.unit_price - 0.375) / 0.07,
        4.0 * twins.backlog_s - 0.5,
        rate * twins.attached / each / 5.0 - 1.0,
        twins.requests / each / 5.0 - 1.0,
        6.0 * twins.last_wait_s - 0.5,
        6.0 * twins.mean_wait_s - 0.5,
        twins.mean_work_cycles / GIGA / each / 2.0 - 1.0,
    )
    return np.stack(columns, axis=1)
