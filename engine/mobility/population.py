"""Who drives where: keeps the wanted number of vehicles in the city and each one's trip going."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.mobility.synthetic import KIND_SHARES
from engine.types import Bools, Floats, Ints

#: More new vehicles in one second than this crowd the entries (1500 are reached in 38 s).
MOST_NEW_PER_STEP: Final = 40
#: Way left to the last road of its trip below which a vehicle gets a new destination.
NEAR_END_M: Final = 60.0


@dataclass(frozen=True)
class Orders:
    """What to tell the simulator before the next step; ids ascending, roads as indices.

    Attributes:
        remove: vehicles to take out. add: new vehicles, with kind, origin and destination.
        retarget: vehicles that get a new destination, retarget_to.
        ask: vehicles whose way left to the road ask_to is wanted.
    """

    remove: Ints
    add: Ints
    add_kind: Ints
    add_from: Ints
    add_to: Ints
    retarget: Ints
    retarget_to: Ints
    ask: Ints
    ask_to: Ints


_NOBODY: Final[Ints] = np.zeros(0, np.int64)
NOTHING: Final = Orders(*(_NOBODY,) * 9)


class Population:
    """A population that persists: nobody arrives, and the newest leave when fewer are wanted.

    Args:
        rng: draws kinds, origins and destinations, in the order of ids.
        share: of trips per road, (roads,).
    """

    def __init__(self, rng: np.random.Generator, share: Floats) -> None:
        self._rng = rng
        self._cumulated = np.cumsum(share) / np.sum(share)
        self._next_id = 0
        self.vehicle: Ints = np.zeros(0, np.int64)
        self.kind: Ints = np.zeros(0, np.int64)
        self._destination: Ints = np.zeros(0, np.int64)
        self._left_m: Floats = np.zeros(0)  # NaN until the simulator has said

    def observe(self, vehicle: Ints, speed_mps: Floats) -> None:
        """Take over who is still there after a step of one second, (n,) ascending, and how fast."""
        if len(vehicle) != len(self.vehicle):
            self._keep(np.searchsorted(self.vehicle, vehicle))
        self._left_m = self._left_m - speed_mps

    def answered(self, vehicle: Ints, left_m: Floats) -> None:
        """Note the way left that was asked for; vehicles that have gone since are passed over."""
        if not len(vehicle):
            return
        here = np.isin(vehicle, self.vehicle)
        self._left_m[np.searchsorted(self.vehicle, vehicle[here])] = left_m[here]

    def orders(self, target: int, on_road: Bools) -> Orders:
        """What to do towards `target` vehicles; `on_road` are those with a valid place, (n,)."""
        # Nearly always nobody is due; not known how far (NaN) is due as well.
        due = on_road & ~(self._left_m >= NEAR_END_M)
        if target == len(self.vehicle) and not due.any():
            return NOTHING
        remove = self.vehicle[max(0, target) :]
        stay = len(self.vehicle) - len(remove)
        self._keep(slice(stay))
        on_road = on_road[:stay]
        near = np.flatnonzero(on_road & (self._left_m < NEAR_END_M))
        self._destination[near] = self._draw_roads(len(near))
        self._left_m[near] = np.nan
        ask = np.flatnonzero(on_road & np.isnan(self._left_m))
        retarget, ask_ids = self.vehicle[near], self.vehicle[ask]
        retarget_to, ask_to = self._destination[near], self._destination[ask]
        return Orders(remove, *self._add(target - stay), retarget, retarget_to, ask_ids, ask_to)

    def _keep(self, rows: Ints | slice) -> None:
        self.vehicle, self.kind = self.vehicle[rows], self.kind[rows]
        self._destination, self._left_m = self._destination[rows], self._left_m[rows]

    def _add(self, missing: int) -> tuple[Ints, Ints, Ints, Ints]:
        count = min(max(0, missing), MOST_NEW_PER_STEP)
        if not count:
            return (_NOBODY,) * 4
        new = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
        kind = self._rng.choice(3, count, p=KIND_SHARES)
        origin, destination = self._draw_roads(count), self._draw_roads(count)
        self._next_id += count
        self.vehicle = np.concatenate([self.vehicle, new])
        self.kind = np.concatenate([self.kind, kind])
        self._destination = np.concatenate([self._destination, destination])
        self._left_m = np.concatenate([self._left_m, np.full(count, np.nan)])
        return new, kind, origin, destination

    def _draw_roads(self, count: int) -> Ints:
        drawn = np.searchsorted(self._cumulated, self._rng.random(count), side="right")
        return np.minimum(drawn, len(self._cumulated) - 1)
