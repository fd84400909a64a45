"""Deadlines that a nominal RSU can meet, MODEL A3.2 and A1 row 6."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.physics.offloading import RESULT_SHARE
from engine.physics.split import shortest_delay
from engine.types import Floats

#: The nominal task, link and RSU of MODEL A3.2; not the actual ones, so that a sweep over the task
#: size does not move the deadlines with it.
NOMINAL_BITS: Final = 10e6
NOMINAL_BPS: Final = 45e6
NOMINAL_HZ: Final = 3e9
_NOMINAL_TWIN_S: Final = 0.015


def floor(cycles: Floats, cpu_hz: Floats, slack: float, low_s: float, high_s: float) -> Floats:
    """T_lo: `slack` (chi) times the best split of a lone nominal task, within [low_s, high_s].

    Args:
        cycles: C, (k,).
        cpu_hz: f_n, (k,).
        slack: chi.
        low_s: lower end of the deadlines set.
        high_s: upper end.
    """
    a = cycles / cpu_hz
    b = NOMINAL_BITS / NOMINAL_BPS + cycles / NOMINAL_HZ
    c = np.full(a.shape, RESULT_SHARE * NOMINAL_BITS / NOMINAL_BPS + _NOMINAL_TWIN_S)
    return np.clip(slack * shortest_delay(a, b, c), low_s, high_s)


def deadline(quantile: Floats, floor_s: Floats | float, high_s: float) -> Floats:
    """T uniform between the floor and the upper end, from its quantile in [0, 1)."""
    return np.asarray(floor_s + quantile * (high_s - floor_s))
