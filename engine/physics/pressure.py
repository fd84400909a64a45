"""What a sub-task would meet in a queue, and what it would do to those behind it.

Both are read from settled candidates, all at once: the wait at a time of arrival, and the marginal
cost of a second of work to those served later in the same busy period (the toll of MODEL A3.9).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from engine.physics.candidates import Settled
from engine.types import Bools, Floats, Ints
from engine.units import STEP_S

#: More than any arrival is late, s: keeps the queues apart in one sorted list.
_SPAN_S: Final = 64.0
#: Shorter waits are rounding, not a queue.
_NO_WAIT_S: Final = 1e-12


@dataclass(frozen=True)
class Trace:
    """How the tasks of B candidates passed through the queues, (B, k).

    Attributes:
        queued: was served at an RSU. server: which. arrival_s: there. wait_s, service_s: there.
        binds: the server's way takes longer than the local one, so a wait shows in the delay.
    """

    queued: Bools
    server: Ints
    arrival_s: Floats
    wait_s: Floats
    service_s: Floats
    binds: Bools

    @classmethod
    def of(cls, settled: Settled, rho: Floats) -> Trace:
        """The trace of settled candidates with shares `rho`, (B, k)."""
        parts = settled.parts
        return cls(
            queued=(rho > 0.0) & settled.accepted & (settled.server >= 0),
            server=settled.server,
            arrival_s=settled.arrival_s,
            wait_s=parts.wait_s,
            service_s=parts.t_comp_s,
            binds=parts.edge_s > parts.t_local_s,
        )

    def compose(self, row: Ints) -> Trace:
        """One candidate out of many: task i as in candidate `row[i]`, (1, k)."""
        tasks = np.arange(len(row))
        return Trace(*(getattr(self, f.name)[row, tasks][None] for f in fields(Trace)))


class Pressure:
    """The queues of B settled candidates as one list sorted by candidate, RSU and arrival.

    Args:
        trace: of the candidates.
        deadline_s: of the tasks, (k,).
        idle_s: when the first core of each RSU is free if nobody comes, (M,).
        cores: K.
        leftover_price: of a second of work left for the next step.
    """

    def __init__(
        self, trace: Trace, deadline_s: Floats, idle_s: Floats, cores: int, leftover_price: float
    ) -> None:
        self._idle_s, self._cores, self._leftover_price = idle_s, cores, leftover_price
        at = np.nonzero(trace.queued)
        lane = at[0] * len(idle_s) + trace.server[at]
        key = lane * _SPAN_S + trace.arrival_s[at]
        order = np.argsort(key, kind="stable")
        at = at[0][order], at[1][order]
        self._key, self._lane = key[order], lane[order]
        wait = trace.wait_s[at]
        self._start = trace.arrival_s[at] + wait
        self._finish = self._start + trace.service_s[at]
        opens = np.ones(len(key) + 1, bool)
        opens[1:-1] = (self._lane[1:] != self._lane[:-1]) | (wait[1:] <= _NO_WAIT_S)
        # Of each place: the place after the last of its busy period, and the weights up to there.
        self._end = np.flatnonzero(opens)[np.cumsum(opens[:-1])]
        weight = np.where(trace.binds[at], 1.0 / deadline_s[at[1]], 0.0)
        sums = np.concatenate([[0.0], np.cumsum(weight)])
        overtime = leftover_price * (self._finish[self._end - 1] > STEP_S)
        self._from = np.append(sums[self._end] - sums[:-1] + overtime, 0.0)

    def meet(self, rsu: Ints, arrival_s: Floats, service_s: Floats) -> tuple[Floats, Floats]:
        """What a sub-task would meet; one that already sits exactly there meets all but itself.

        Args:
            rsu: in question, (k, P).
            arrival_s: there, (B, k, P).
            service_s: time it would take on a core, (B, k, P).

        Returns:
            The wait in s, and the cost to those behind of a second of its work, (B, k, P) each.
        """
        lane = np.arange(len(arrival_s))[:, None, None] * len(self._idle_s) + rsu
        key, count = lane * _SPAN_S + arrival_s, len(self._key)
        idle_s = self._idle_s[rsu]
        if not count:
            return np.maximum(idle_s - arrival_s, 0.0), np.zeros(arrival_s.shape)
        place = np.searchsorted(self._key, key, "left")
        # With K cores the K-th before it has to finish; exact for one core, close for more.
        before = np.maximum(place - self._cores, 0)
        queued = (place >= self._cores) & (self._lane[before] == lane)
        wait = np.maximum(np.where(queued, self._finish[before], idle_s) - arrival_s, 0.0)
        at = np.minimum(place, count - 1)
        itself = (self._key[at] == key) & (place < count)
        behind = place + itself
        follower = np.minimum(behind, count - 1)
        follows = (behind < count) & (self._lane[follower] == lane)
        done = arrival_s + wait + service_s
        delays = np.where(itself, behind < self._end[at], self._start[follower] < done)
        overtime = self._leftover_price * (done > STEP_S)
        return wait, np.where(follows & delays, self._from[behind], overtime)
