"""The paper's own motion, eqs. (1)-(2), on a Manhattan grid: for tests, or by explicit choice."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.seeds import generator
from engine.types import Floats, Ints, Progress, Snapshot

#: Shares of car, bus and truck.
KIND_SHARES: Final = (0.85, 0.05, 0.10)
#: v_avg of a vehicle and v_rand of each second, m/s, Table IV.
_AVERAGE_MPS: Final = (10.0, 20.0)
_RANDOM_MPS: Final = 2.0
_STEP: Final = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # by quarter turn


class SyntheticMobility:
    """Vehicles on straight streets that turn at random crossings: v = v_avg + v_rand, p += v dt.

    The population persists: vehicles leave only when fewer are wanted, the newest first. A new
    target is met in the step that asks for it.
    """

    def __init__(self, seed: int = 0, side_m: float = 5000.0, block_m: float = 250.0) -> None:
        if not 0 < 2 * block_m <= side_m or side_m % block_m:
            raise ValueError(f"block_m={block_m:g}: expected a fraction of side_m={side_m:g}")
        self._rng = generator(seed, "mobility")
        self._side_m = side_m
        self._block_m = block_m
        self._t_s = 0.0
        self._next_id = 0
        self._vehicle: Ints = np.zeros(0, np.int64)
        self._kind: Ints = np.zeros(0, np.int64)
        self._turn: Ints = np.zeros(0, np.int64)  # quarter turns counter-clockwise from east
        self._average_mps: Floats = np.zeros(0)
        self._position_m: Floats = np.zeros((0, 2))
        told = f"synthetic 1 seed={seed} side={side_m:g} block={block_m:g} numpy={np.__version__}"
        self.digest = hashlib.sha256(told.encode()).hexdigest()

    def step(self, target_vehicles: int) -> Snapshot:
        """Advance one second with exactly `target_vehicles` vehicles."""
        self._resize(max(0, target_vehicles))
        n = len(self._vehicle)
        speed = self._average_mps + self._rng.uniform(-_RANDOM_MPS, _RANDOM_MPS, n)  # (1)
        self._drive(speed)
        self._t_s += 1.0
        return Snapshot(
            t_s=self._t_s,
            vehicle=self._vehicle.copy(),
            position_m=self._position_m.copy(),
            speed_mps=speed,
            heading_rad=_heading(self._turn),
            kind=self._kind.copy(),
        )

    def fork(self) -> SyntheticFork:
        """See `Mobility.fork`."""
        return SyntheticFork(copy.deepcopy(self))

    def close(self) -> None:
        """Nothing to end."""

    def _resize(self, wanted: int) -> None:
        n = len(self._vehicle)
        if wanted < n:
            for name in ("_vehicle", "_kind", "_turn", "_average_mps", "_position_m"):
                setattr(self, name, getattr(self, name)[:wanted])
        elif wanted > n:
            self._add(wanted - n)

    def _add(self, count: int) -> None:
        rng, lines = self._rng, round(self._side_m / self._block_m)
        along = rng.uniform(0.0, self._side_m, count)
        across = rng.integers(0, lines + 1, count) * self._block_m
        turn = rng.integers(0, 4, count)
        horizontal = (turn % 2 == 0)[:, None]
        position = np.where(
            horizontal, np.column_stack([along, across]), np.column_stack([across, along])
        )
        self._position_m = np.concatenate([self._position_m, position])
        self._turn = np.concatenate([self._turn, turn])
        self._kind = np.concatenate([self._kind, rng.choice(3, count, p=KIND_SHARES)])
        self._average_mps = np.concatenate([self._average_mps, rng.uniform(*_AVERAGE_MPS, count)])
        ids = np.arange(self._next_id, self._next_id + count, dtype=np.int64)
        self._vehicle = np.concatenate([self._vehicle, ids])
        self._next_id += count

    def _drive(self, distance_m: Floats) -> None:
        """Eq. (2) with dt = 1 s; a vehicle passes at most one crossing, where it may turn."""
        block, rows = self._block_m, np.arange(len(distance_m))
        axis, sign = self._turn % 2, np.where(self._turn < 2, 1.0, -1.0)
        place = self._position_m[rows, axis]
        line = np.where(sign > 0, np.floor(place / block) + 1, np.ceil(place / block) - 1) * block
        to_crossing = np.abs(line - place)
        crosses = distance_m >= to_crossing
        leg = np.where(crosses, to_crossing, distance_m)
        position = self._position_m + _STEP[self._turn] * leg[:, None]
        position[rows[crosses], axis[crosses]] = line[crosses]
        turn = np.where(crosses, self._turn_at(position), self._turn)
        position += _STEP[turn] * (distance_m - leg)[:, None]
        self._position_m, self._turn = np.clip(position, 0.0, self._side_m), turn

    def _turn_at(self, position: Floats) -> Ints:
        """Straight on, left or right, whichever of these stays in the city, drawn at random."""
        change = self._rng.permuted(np.tile([0, 0, 1, -1], (len(position), 1)), axis=1)
        options = (self._turn[:, None] + change) % 4  # (n, 4)
        ahead = position[:, None, :] + _STEP[options] * self._block_m
        inside = ((ahead > -1.0) & (ahead < self._side_m + 1.0)).all(axis=2)
        chosen: Ints = options[np.arange(len(options)), inside.argmax(axis=1)]
        return chosen


@dataclass(frozen=True)
class SyntheticFork:
    """Where synthetic motion stood: a copy of it."""

    stood: SyntheticMobility

    def open(self, progress: Progress) -> SyntheticMobility:
        """See `MobilityFork.open`."""
        progress(1, 1)
        return copy.deepcopy(self.stood)


def _heading(turn: Ints) -> Floats:
    radians: Floats = turn.astype(np.float64) * (np.pi / 2)
    return np.where(radians > np.pi, radians - 2 * np.pi, radians)
