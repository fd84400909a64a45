"""Who contends with whom: tasks of one second that go to the same RSU, the nearest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.types import Floats, Ints


@dataclass(frozen=True)
class Contenders:
    """The other tasks at each task's RSU.

    Attributes:
        nearest: their rows, nearest first, -1 where there are no more, (k, K).
        count: how many there are in all, (k,).
    """

    nearest: Ints
    count: Ints


def contenders(seat: Ints, position_m: Floats, most: int) -> Contenders:
    """Find the contenders of every task.

    Args:
        seat: RSU of each task, (k,).
        position_m: of its vehicle's twin, (k, 2).
        most: K, of the nearest that are told.
    """
    k = len(seat)
    rival = seat[:, None] == seat
    np.fill_diagonal(rival, val=False)
    nearest = np.full((k, most), -1)
    told = min(most, k)
    if told:
        x, y = position_m.T
        away = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
        away[~rival] = np.inf
        found = np.argpartition(away, told - 1, axis=1)[:, :told]
        far = np.take_along_axis(away, found, axis=1)
        order = np.argsort(far, axis=1, kind="stable")
        found, far = (np.take_along_axis(each, order, axis=1) for each in (found, far))
        nearest[:, :told] = np.where(np.isfinite(far), found, -1)
    return Contenders(nearest, rival.sum(axis=1))
