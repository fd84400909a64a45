"""Who may help whom: idle vehicles within reach of vehicles with a task, MODEL A3.7."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.physics.channel import V2V_RANGE_M, rate
from engine.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Helpers:
    """The helper each vehicle may ask, (n,) each.

    Attributes:
        row: row of the helper, -1 if none. distance_m: to it, infinite if none.
        rate_bps: true rate to it. expected_bps: the rate without fading, what the rule goes by.
    """

    row: Ints
    distance_m: Floats
    rate_bps: Floats
    expected_bps: Floats


def nobody(n: int) -> Helpers:
    """No helper for any of n vehicles."""
    return Helpers(np.full(n, -1), np.full(n, np.inf), np.zeros(n), np.zeros(n))


def helpers(position_m: Floats, has_task: Bools, fading: Floats, *, v2v: bool) -> Helpers:
    """Who may help whom where vehicles may (`v2v`), else nobody; arguments as of `match`."""
    return match(position_m, has_task, fading) if v2v else nobody(len(has_task))


def match(position_m: Floats, has_task: Bools, fading: Floats) -> Helpers:
    """Pair vehicles that have a task with idle ones within 200 m, one guest a helper.

    The nearest pair first, so a vehicle whose nearest helper is taken asks the next; equal
    distances go by row.

    Args:
        position_m: (n, 2).
        has_task: (n,).
        fading: h^2 of the link to a neighbour, (n,).
    """
    n = len(has_task)
    guest, host, gap = _pairs(position_m, np.flatnonzero(has_task), np.flatnonzero(~has_task))
    row = np.full(n, -1)
    away = np.full(n, np.inf)
    taken = np.zeros(n, bool)
    # One by one in order of distance: who is free depends on all nearer pairs.
    order = np.lexsort((host, guest, gap))
    for g, h, d in zip(
        guest[order].tolist(), host[order].tolist(), gap[order].tolist(), strict=True
    ):
        if row[g] < 0 and not taken[h]:
            row[g], away[g], taken[h] = h, d, True
    return Helpers(row, away, rate(away, fading, V2V_RANGE_M), rate(away, 1.0, V2V_RANGE_M))


def _pairs(position_m: Floats, guests: Ints, hosts: Ints) -> tuple[Ints, Ints, Floats]:
    """All (guest, host, metres) within reach; hosts sorted by x: only a strip is compared."""
    hosts = hosts[np.argsort(position_m[hosts, 0], kind="stable")]
    x = position_m[hosts, 0]
    first = np.searchsorted(x, position_m[guests, 0] - V2V_RANGE_M, "left")
    count = np.searchsorted(x, position_m[guests, 0] + V2V_RANGE_M, "right") - first
    guest = np.repeat(guests, count)
    start = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count)
    host = hosts[start + np.arange(len(guest))] if len(guest) else np.zeros(0, np.int64)
    step = position_m[guest] - position_m[host]
    gap = np.sqrt((step * step).sum(axis=1))
    near = gap <= V2V_RANGE_M
    return guest[near], host[near], gap[near]
