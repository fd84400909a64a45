"""Who is who in an episode: each stay of a vehicle has a number that no other ever has.

A vehicle that returns, from a teleport say, is a new agent: its queue of work, its twin and its
history begin anew, and PettingZoo knows no return from the dead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from engine.mobility.recorded import RecordedMobility
from engine.params import MAX_VEHICLES, Params
from engine.types import Bools, Ints
from engine.world import Slots

#: SUMO may lose vehicles, in whose place others come: numbers for as many again.
_SUMO_SPARE: Final = 2


class Roster:
    """Numbers stays in the order of their beginning, from 0 in each episode."""

    def __init__(self) -> None:
        self._number = np.zeros(MAX_VEHICLES, np.int64)
        #: Stays so far.
        self.count = 0

    def enter(self, slot: Ints, fresh: Bools) -> Ints:
        """The numbers of the vehicles present, (n,).

        Args:
            slot: of each, (n,).
            fresh: who is new there, (n,).
        """
        new = slot[fresh]
        self._number[new] = np.arange(self.count, self.count + len(new))
        self.count += len(new)
        return self._number[slot]


def entries(mobility: str, params: Params, steps: int) -> int:
    """Most stays in an episode of so many seconds.

    Exact for synthetic and recorded motion, which bring vehicles whatever the seed; for SUMO a
    bound with as many to spare.

    Args:
        mobility: as `open_mobility` takes it.
        params: say how many vehicles are wanted when.
        steps: of the episode; one scene more is seen.
    """
    if mobility.endswith(".npz"):
        return _recorded(RecordedMobility(Path(mobility)), params, steps)
    wanted = np.array([params.target_vehicles(float(t)) for t in range(steps + 1)])
    came = int(wanted[0] + np.maximum(np.diff(wanted), 0).sum())
    return came * _SUMO_SPARE if mobility == "sumo" else came


def _recorded(trace: RecordedMobility, params: Params, steps: int) -> int:
    slots, t_s, came = Slots(), 0.0, 0
    for _ in range(steps + 1):
        seen = trace.step(params.target_vehicles(t_s))
        t_s = seen.t_s
        came += int(slots.assign(seen.vehicle)[1].sum())
    return came
