"""The city as the browser draws it, and the lattice of road-side units that covers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.mobility.net import Net, Program, net_path, read_net
from engine.types import Floats, Ints

SIDE_M: Final = 5000.0
#: Reach of a road-side unit, Table IV.
RANGE_M: Final = 1000.0
COLUMNS: Final = 5
ROWS: Final = 4
_SHAPE_TOLERANCE_M: Final = 0.3


def rsu_positions() -> Floats:
    """Centres of the 5 x 4 cells of 1.0 km x 1.25 km, row by row from the south-west, (20, 2)."""
    x = (np.arange(COLUMNS) + 0.5) * SIDE_M / COLUMNS
    y = (np.arange(ROWS) + 0.5) * SIDE_M / ROWS
    return np.column_stack([np.tile(x, ROWS), np.repeat(y, COLUMNS)])


def mesh_links() -> list[tuple[int, int]]:
    """The 31 links between cells that share a side, lower index first."""
    index = np.arange(COLUMNS * ROWS).reshape(ROWS, COLUMNS)
    sideways = zip(index[:, :-1].ravel(), index[:, 1:].ravel(), strict=True)
    upwards = zip(index[:-1].ravel(), index[1:].ravel(), strict=True)
    return sorted((int(a), int(b)) for pairs in (sideways, upwards) for a, b in pairs)


def mesh_neighbours() -> Ints:
    """Per unit the indices of its mesh neighbours, ascending, -1 where there is none, (20, 4)."""
    table = np.full((COLUMNS * ROWS, 4), -1, np.int64)
    for unit in range(COLUMNS * ROWS):
        near = sorted({a + b - unit for a, b in mesh_links() if unit in (a, b)})
        table[unit, : len(near)] = near
    return table


def static_city(city: Path | None = None) -> dict[str, Any]:
    """What never changes in a run, ready for JSON: roads, crossings, lights, units, mesh.

    Lengths in metres to 0.1 m, headings in radians counter-clockwise from east. A light's colour is
    `states[k][link]` of its program, k the phase at (t_s - offset) modulo the sum of durations.

    Args:
        city: folder of a city, the packaged one if None.

    Raises:
        NetError: the net cannot be used.
    """
    net = read_net(net_path(city))
    programs, signals = _signals(net)
    return {
        "side_m": SIDE_M,
        "roads": [
            {"width": e.lanes, "arterial": e.lanes > 1, "points": _flat(simplified(e.shape_m))}
            for e in net.edges
        ],
        "junctions": [_flat(simplified(shape)) for shape in net.junctions_m],
        "signals": signals,
        "programs": programs,
        "rsus": [{"x": float(x), "y": float(y)} for x, y in rsu_positions()],
        "mesh": [list(link) for link in mesh_links()],
        "range_m": RANGE_M,
        "attribution": "",
    }


def static_json(city: Path | None = None) -> bytes:
    """`static_city` as compact JSON."""
    return json.dumps(static_city(city), separators=(",", ":")).encode()


def _signals(net: Net) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Programs without repetition, and the lights that point into them."""
    numbers: dict[Program, int] = {}
    lights = []
    for signal in net.signals:
        program = numbers.setdefault(net.programs[signal.junction], len(numbers))
        x, y = signal.position_m
        lights.append(
            {
                "x": round(x, 1),
                "y": round(y, 1),
                "heading": round(signal.heading_rad, 3),
                "program": program,
                "link": signal.link,
            }
        )
    programs = [
        {"offset": p.offset_s, "durations": list(p.durations_s), "states": list(p.states)}
        for p in numbers
    ]
    return programs, lights


def _flat(points: Floats) -> list[float]:
    return [float(v) for v in np.round(points, 1).ravel()]


def simplified(points: Floats) -> Floats:
    """The polyline without points that lie within 0.3 m of it (Douglas and Peucker), (k, 2)."""
    if len(points) < 3:
        return points
    start, chord = points[0], points[-1] - points[0]
    length = float(np.hypot(*chord))
    away = points[1:-1] - start
    if length > 0:
        off = np.abs(chord[0] * away[:, 1] - chord[1] * away[:, 0]) / length
    else:
        off = np.hypot(away[:, 0], away[:, 1])
    worst = int(off.argmax()) + 1
    if off[worst - 1] <= _SHAPE_TOLERANCE_M:
        return points[[0, -1]]
    return np.concatenate([simplified(points[: worst + 1])[:-1], simplified(points[worst:])])
