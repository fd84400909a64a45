"""Neighbours of a task are those at its RSU, the nearest first, never itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.contenders import contenders

PLACES = np.array([[0.0, 0.0], [30.0, 0.0], [10.0, 0.0], [1.0, 0.0], [0.0, 20.0]])


def test_a_hand_made_second() -> None:
    found = contenders(np.array([7, 7, 7, 3, 7]), PLACES, 2)
    assert found.nearest.tolist() == [[2, 4], [2, 0], [0, 1], [-1, -1], [0, 2]]
    assert found.count.tolist() == [3, 3, 3, 0, 3]


def test_fewer_than_asked_for_leave_gaps_at_the_end() -> None:
    found = contenders(np.array([7, 7, 5, 5, 7]), PLACES, 4)
    assert found.nearest.tolist() == [
        [4, 1, -1, -1], [0, 4, -1, -1], [3, -1, -1, -1], [2, -1, -1, -1], [0, 1, -1, -1],
    ]  # fmt: skip
    assert found.count.tolist() == [2, 2, 1, 1, 2]


def test_nobody_and_nothing_asked_for() -> None:
    assert contenders(np.zeros(0, np.int64), np.zeros((0, 2)), 4).nearest.shape == (0, 4)
    asked = contenders(np.zeros(5, np.int64), PLACES, 0)
    assert asked.nearest.shape == (5, 0)
    assert asked.count.tolist() == [4] * 5


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), max_size=12), st.integers(1, 4))
def test_is_the_search_one_by_one(tasks: list[tuple[int, int]], most: int) -> None:
    seat = np.array([m for m, _ in tasks], np.int64)
    x = np.array([float(at) for _, at in tasks])
    found = contenders(seat, np.stack([x, 0.0 * x], axis=1), most)
    for i, (m, at) in enumerate(tasks):
        others = [j for j in range(len(tasks)) if j != i and seat[j] == m]
        near = [j for j in found.nearest[i] if j >= 0]
        assert found.count[i] == len(others)
        assert len(set(near)) == len(near) == min(most, len(others))
        assert set(near) <= set(others)
        away = sorted(abs(x[j] - at) for j in others)[:most]
        assert [abs(x[j] - at) for j in near] == away
        assert (found.nearest[i, len(near) :] == -1).all()
