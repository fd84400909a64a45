"""What one aggregation of a federation was, for the timeline, whichever tier it was in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.learning.triggers import Fired

#: AdFL's models at the RSUs, or the averaging of AF-MARL's actors and critics.
Tier = Literal["forecast", "agents"]


@dataclass(frozen=True)
class Round:
    """One aggregation.

    Attributes:
        tier: which federation. rsu: where, -1 where no RSU is meant. t_s, fired: when, and by which
            trigger. version: that it made.
        vehicle, staleness, weight: of each update in the buffer, weight 0 if refused; in the tier
            `agents` the first holds learner numbers.
        lost: clients given up since the last round: they left or were too late.
        sigma_min, interval_s, count: sigma_min, tau_agg, N_agg from now on. bytes: on the air.
        loss: mean of the clients' losses before they trained; 0 in the tier `agents`.
    """

    tier: Tier
    rsu: int
    t_s: float
    fired: Fired
    version: int
    vehicle: tuple[int, ...]
    staleness: tuple[float, ...]
    weight: tuple[float, ...]
    lost: int
    sigma_min: float
    interval_s: float
    count: float
    bytes: int
    loss: float
