"""Radio: signal to noise, rates to RSUs and between vehicles, MODEL A3.3, eq. (8)."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.types import Floats

#: Bandwidth W of one vehicle, Table IV.
BANDWIDTH_HZ: Final = 10e6
#: Transmission power P of a vehicle, Table IV.
TX_POWER_W: Final = 0.1
#: Path loss exponent beta, Table IV.
PATH_LOSS: Final = 3.0
#: Thermal noise N0 W: -174 dBm/Hz over 10 MHz.
NOISE_W: Final = 4e-14
#: Interference I_n that turns (8) into Table IV's 20-50 Mbit/s, MODEL A1 row 4.
INTERFERENCE_W: Final = 3.33e-11
#: Nearer than this the far-field path loss does not hold.
NEAREST_M: Final = 50.0
#: Coverage of an RSU, Table IV.
RANGE_M: Final = 1000.0
#: Coverage between vehicles, MODEL A2.
V2V_RANGE_M: Final = 200.0
#: Spectral efficiency of the weakest and strongest modulation: 16QAM-1/2 and 64QAM-5/6, bit/s/Hz.
EFFICIENCY: Final = (2.0, 5.0)
#: Shape of the gamma fading: Nakagami-3, unit mean.
FADING_SHAPE: Final = 3.0


def distance(position_m: Floats, other_m: Floats) -> Floats:
    """Distances between all pairs, metres: (n, 2) and (m, 2) give (n, m)."""
    dx = position_m[:, 0, None] - other_m[None, :, 0]
    dy = position_m[:, 1, None] - other_m[None, :, 1]
    return np.asarray(np.sqrt(dx * dx + dy * dy))


def sinr(distance_m: Floats, fading: Floats | float) -> Floats:
    """Signal to noise and interference, inner part of eq. (8): P h^2 d^-beta / (N0 W + I).

    Args:
        distance_m: d, at least 50 m is taken.
        fading: h^2, unit mean; the paper's 1e-7..1e-8 would give bits per minute (MODEL A1 row 4).
    """
    d = np.maximum(distance_m, NEAREST_M)
    power = TX_POWER_W / (NOISE_W + INTERFERENCE_W)
    return np.asarray(power * fading / (d * d * d))


def rate(distance_m: Floats, fading: Floats | float, range_m: float = RANGE_M) -> Floats:
    """Rate of a link in bit/s, eq. (8): W log2(1 + SINR), 20-50 Mbit/s, 0 beyond the range.

    The efficiency is clipped to what modulation allows, 2 to 5 bit/s/Hz. Infinite distance stands
    for a radio that is off.
    """
    reached = distance_m <= range_m  # an eighth of the RSUs
    faded = np.broadcast_to(fading, distance_m.shape)[reached]
    least, most = EFFICIENCY
    efficiency = np.log2(1.0 + sinr(distance_m[reached], faded))
    rate_bps = np.zeros(reached.shape)
    rate_bps[reached] = BANDWIDTH_HZ * np.minimum(np.maximum(efficiency, least), most)
    return rate_bps
