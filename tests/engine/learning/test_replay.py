"""The replay buffer is a deque with a bound for each learner."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.replay import Replay


@given(st.lists(st.lists(st.integers(0, 2), max_size=9), max_size=12))
def test_behaves_as_deques(steps) -> None:
    replay = Replay(learners=3, capacity=5, width=1)
    like = [deque(maxlen=5) for _ in range(3)]
    number = 0
    for learners in steps:
        rows = np.arange(number, number + len(learners), dtype=np.float32)[:, None]
        number += len(learners)
        replay.add(np.array(learners, np.int64), rows)
        for learner, row in zip(learners, rows, strict=True):
            like[learner].append(row[0])
    for learner in range(3):
        assert replay.contents(learner)[:, 0].tolist() == list(like[learner])


def test_samples_come_from_ones_own_ring() -> None:
    replay = Replay(2, 4, 1)
    replay.add(np.array([0, 1, 1]), np.array([[1.0], [2.0], [3.0]], np.float32))
    drawn = replay.sample(50, np.random.default_rng(0))
    assert drawn.shape == (2, 50, 1)
    assert set(drawn[0].ravel()) == {1.0}
    assert set(drawn[1].ravel()) == {2.0, 3.0}


def test_an_empty_ring_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="no transition"):
        Replay(2, 4, 1).sample(1, np.random.default_rng(0))


def test_a_restored_ring_goes_on_like_the_one_it_was() -> None:
    one, other = Replay(2, 4, 1), Replay(2, 4, 1)
    one.add(np.array([0, 0, 0, 0, 0, 1]), np.arange(6, dtype=np.float32)[:, None])
    other.restore(one.state())
    for replay in (one, other):
        replay.add(np.array([0, 1]), np.array([[8.0], [9.0]], np.float32))
    for learner in range(2):
        assert one.contents(learner).tolist() == other.contents(learner).tolist()
    drawn = [replay.sample(9, np.random.default_rng(1)) for replay in (one, other)]
    assert np.array_equal(*drawn)


def test_a_replay_of_another_shape_is_refused() -> None:
    filled = Replay(2, 4, 1)
    filled.add(np.array([0, 0, 0, 1]), np.zeros((4, 1), np.float32))
    for other in (Replay(3, 4, 1), Replay(2, 4, 2), Replay(2, 2, 1)):
        with pytest.raises(ValueError, match="another shape"):
            other.restore(filled.state())
