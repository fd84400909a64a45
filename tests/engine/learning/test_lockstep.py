"""Synchronous rounds: nobody updates before the last update is in, or the time-out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from engine.learning.averaging import Averaging
from engine.learning.lockstep import Lockstep

G = 3
ALIKE = np.ones(G)


def a_federation() -> tuple[Lockstep, torch.Tensor]:
    """Three learners of one parameter each."""
    value = torch.zeros((G, 1))
    return Lockstep(Averaging([value]), G), value


def updated(value: torch.Tensor) -> None:
    value.copy_(torch.tensor([[1.0], [2.0], [6.0]]))


def test_a_round_ends_when_the_last_update_is_in() -> None:
    rounds, value = a_federation()
    assert not rounds.waits
    assert rounds.step(3.0, np.array([0.5, 0.6, 0.7]), ALIKE) == ()
    updated(value)
    rounds.begin(4.0, loss=0.5)
    assert rounds.waits
    # The third one uploads slowly; later turnarounds are of later clients and do not count.
    assert rounds.step(4.0, np.array([0.5, 0.6, 1.7]), ALIKE) == ()
    assert rounds.waits
    (merged,) = rounds.step(5.0, np.array([0.5, 0.6, 0.1]), ALIKE)
    assert (merged.fired, merged.t_s, merged.vehicle) == ("all", pytest.approx(5.7), (0, 1, 2))
    assert merged.loss == 0.5
    assert value.tolist() == [[3.0]] * G
    assert not rounds.waits


def test_who_has_no_client_is_waited_for_until_it_has_one() -> None:
    rounds, value = a_federation()
    updated(value)
    rounds.begin(0.0, 0.0)
    for step in range(6):
        assert rounds.step(float(step), np.array([0.5, 0.6, np.inf]), ALIKE) == ()
    (merged,) = rounds.step(6.0, np.array([0.5, 0.6, 0.4]), ALIKE)
    assert (merged.fired, merged.t_s) == ("all", pytest.approx(6.4))


def test_after_three_intervals_a_round_goes_without_the_missing() -> None:
    rounds, value = a_federation()
    updated(value)
    rounds.begin(2.0, 0.0)
    for step in range(2, 17):
        assert rounds.step(float(step), np.array([0.5, 0.6, np.inf]), ALIKE) == ()
        assert rounds.waits
    (merged,) = rounds.step(17.0, np.array([0.5, 0.6, np.inf]), ALIKE)
    assert (merged.fired, merged.t_s, merged.vehicle) == ("time-out", 17.0, (0, 1))
    assert value.tolist() == [[1.5], [1.5], [6.0]]
    # It took no part: its next update is one version late and weighs less.
    rounds.begin(18.0, 0.0)
    (merged,) = rounds.step(18.0, np.full(G, 0.5), ALIKE)
    assert merged.staleness == (0.0, 0.0, 1.0)
    assert merged.weight[2] < merged.weight[0]


def test_where_nobody_is_reached_everybody_goes_on_alone() -> None:
    rounds, value = a_federation()
    updated(value)
    rounds.begin(0.0, 0.0)
    for step in range(16):
        assert rounds.step(float(step), np.full(G, np.inf), ALIKE) == ()
    assert not rounds.waits
    assert value.tolist() == [[1.0], [2.0], [6.0]]


def test_a_round_goes_on_from_its_state_and_ends_with_its_episode() -> None:
    rounds, value = a_federation()
    updated(value)
    rounds.begin(4.0, 0.5)
    rounds.step(4.0, np.array([0.5, np.inf, 0.7]), ALIKE)
    other, _ = a_federation()
    state = rounds.state()
    other.restore(json.loads(json.dumps({**state, "tensors": {}})))
    (one,) = rounds.step(5.0, np.full(G, 0.2), ALIKE)
    (same,) = other.step(5.0, np.full(G, 0.2), ALIKE)
    assert (one.t_s, one.fired, one.loss) == (same.t_s, same.fired, same.loss)
    rounds.begin(6.0, 0.0)
    rounds.forget()
    assert not rounds.waits
