"""The road-side units: where they stand, how they are meshed, what they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from engine.params import CITY_SIDE_KM, Params, Range
from engine.seeds import generator
from engine.types import Bools, Floats, Ints, Rsus
from engine.units import BPS_PER_MBPS, GIGA, J_PER_WH

#: RSUs east-west and north-south: 5 x 4 cells of 1.0 x 1.25 km cover every point, MODEL A2.
COLUMNS: Final = 5
ROWS: Final = 4
COUNT: Final = COLUMNS * ROWS


def lattice() -> Floats:
    """Positions of the RSUs in metres, row by row from the south-west, (M, 2)."""
    side_m = CITY_SIDE_KM * 1000.0
    x = (np.arange(COLUMNS) + 0.5) * side_m / COLUMNS
    y = (np.arange(ROWS) + 0.5) * side_m / ROWS
    return np.column_stack([np.tile(x, ROWS), np.repeat(y, COLUMNS)])


def mesh() -> Ints:
    """Neighbours east, north, west and south of each RSU, -1 where there is none, (M, 4)."""
    index = np.full((ROWS + 2, COLUMNS + 2), -1)
    index[1:-1, 1:-1] = np.arange(COUNT).reshape(ROWS, COLUMNS)
    beside = (index[1:-1, 2:], index[2:, 1:-1], index[1:-1, :-2], index[:-2, 1:-1])
    return np.stack([side.ravel() for side in beside], axis=1)


def links() -> list[tuple[int, int]]:
    """The mesh as pairs (a, b) with a < b; 31 of them."""
    return [(a, int(b)) for a, row in enumerate(mesh()) for b in sorted(row[row > a].tolist())]


class RsuTraits:
    """What the RSUs of a run are made of: each value is a fixed quantile of its slider's range."""

    def __init__(self, seed: int) -> None:
        rng = generator(seed, "rsus")
        self._cpu, self._price, self._mesh, self._battery = rng.random((4, COUNT))
        self._position_m = lattice()
        self._neighbours = mesh()

    def scene(self, params: Params, down: Iterable[int]) -> Rsus:
        """The RSUs under the parameters in force, those in `down` without computing."""
        up: Bools = np.ones(COUNT, bool)
        up[[m for m in down if 0 <= m < COUNT]] = False
        return Rsus(
            position_m=self._position_m,
            cpu_hz=within(params.rsu_capacity, self._cpu) * GIGA,
            unit_price=within(params.rsu_price, self._price),
            cores=int(params.rsu_cores),
            mesh_rate_bps=within(params.mesh_rate, self._mesh) * BPS_PER_MBPS,
            neighbours=self._neighbours,
            up=up,
            battery_j=within(params.rsu_battery, self._battery) * J_PER_WH,
        )


def within(ends: Range, quantile: Floats) -> Floats:
    """The value at each quantile of the uniform range (low, high)."""
    low, high = ends
    return low + quantile * (high - low)
