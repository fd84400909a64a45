"""When an RSU aggregates: synchronous, asynchronous and semi-synchronous differ in this alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

#: Attached vehicles from which traffic is high: 40 vehicles/km² on a cell of 1.25 km², MODEL D.4.
HIGH_TRAFFIC: Final = 50
#: Safety nets so that neither trigger can block the other: times tau_agg and N_agg.
TIME_NET: Final = 3.0
COUNT_NET: Final = 4.0
#: Share of the attached vehicles that a count may ask for.
MOST_SHARE: Final = 0.6

Fired = Literal["", "time", "count", "all", "arrival", "time-out"]


class Trigger(Protocol):
    """Says whether an RSU aggregates now, and why; empty if it waits."""

    def fired(self, since_s: float, updates: int, expected: int, attached: int) -> Fired:
        """Decide.

        Args:
            since_s: time since the last aggregation.
            updates: in the buffer.
            expected: clients that were selected and not yet given up.
            attached: cnt_m.
        """
        ...


@dataclass(frozen=True)
class SemiSynchronous:
    """The paper's: by time in high traffic, else by count, MODEL D.4.3.

    Attributes:
        interval_s: tau_agg. count: N_agg.
    """

    interval_s: float = 5.0
    count: float = 10.0

    def fired(self, since_s: float, updates: int, expected: int, attached: int) -> Fired:
        """See `Trigger`."""
        del expected
        if updates == 0:
            return ""
        wanted = min(self.count, max(1, math.ceil(MOST_SHARE * attached)))
        busy = attached >= HIGH_TRAFFIC
        if since_s >= self.interval_s * (1.0 if busy else TIME_NET):
            return "time"
        if updates >= wanted * (COUNT_NET if busy else 1.0):
            return "count"
        return ""


@dataclass(frozen=True)
class Synchronous:
    """All selected clients, or the time-out of 3 tau_agg."""

    interval_s: float = 5.0

    def fired(self, since_s: float, updates: int, expected: int, attached: int) -> Fired:
        """See `Trigger`."""
        del attached
        if updates and updates >= expected:
            return "all"
        return "time-out" if updates and since_s >= TIME_NET * self.interval_s else ""


@dataclass(frozen=True)
class Asynchronous:
    """Every arrival at once."""

    def fired(self, since_s: float, updates: int, expected: int, attached: int) -> Fired:
        """See `Trigger`."""
        del since_s, expected, attached
        return "arrival" if updates else ""


@dataclass(frozen=True)
class Adaptive:
    """sigma_min, tau_agg and N_agg of one RSU and how they move after a round, eq. (45), D.5."""

    sigma_min: float = 0.0
    interval_s: float = 5.0
    count: float = 10.0

    def after(
        self,
        accepted: float,
        received: float,
        took_s: float,
        median_norm: float,
        attached: int,
    ) -> Adaptive:
        """The next round's values.

        Args:
            accepted: p, fraction of the buffer that was accepted.
            received: updates by expected.
            took_s: time until the trigger fired.
            median_norm: of the buffer.
            attached: cnt_m.
        """
        start = self.sigma_min if self.sigma_min > 0.0 else 0.1 * median_norm
        sigma = min(max(start + 0.1 * start * (accepted - 0.7), 0.0), median_norm)
        step_s = 0.5 if received < 0.5 else -0.5 if received > 0.9 else 0.0
        interval_s = min(max(self.interval_s + step_s, 1.0), 15.0)
        move = 1.0 if took_s <= 0.5 * self.interval_s else -1.0 if took_s > self.interval_s else 0.0
        most = max(3.0, math.ceil(MOST_SHARE * attached))
        return Adaptive(sigma, interval_s, min(max(self.count + move, 3.0), most))
