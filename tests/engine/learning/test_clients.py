"""Who may train, for how long it stays, and that its training is its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.learning.clients import eligible, local_training, stay_time, turnaround


def test_selection_is_eq_24_at_its_edges() -> None:
    cpu = np.array([1.5e9, 1.49e9, 2e9, 2e9])
    battery = np.array([150.0, 300.0, 149.0, 300.0]) * 3600.0
    stay = np.array([2.0, 9.0, 9.0, 1.9])
    assert eligible(cpu, battery, stay).tolist() == [True, False, False, False]


def test_stay_time_by_hand() -> None:
    place = np.array([[0.0, 0.0], [900.0, 0.0], [900.0, 0.0], [1200.0, 0.0], [0.0, 600.0]])
    speed = np.array([[10.0, 0.0], [10.0, 0.0], [-10.0, 0.0], [-10.0, 0.0], [20.0, 0.0]])
    assert stay_time(place, speed, 1000.0) == pytest.approx([100.0, 10.0, 190.0, 0.0, 40.0])
    assert stay_time(place[:1], 0 * speed[:1], 1000.0).tolist() == [600.0]


def test_turnaround_is_training_and_upload() -> None:
    time = turnaround(np.array([2e9]), np.array([32e6]), parameters=10**6)
    assert time == pytest.approx([1e10 / 16e9 + 1.0])


def test_clients_train_on_their_own_data_alone() -> None:
    start = {"w": torch.ones(3, 4, dtype=torch.float64)}
    target = torch.tensor([[0.0], [5.0], [1.0]], dtype=torch.float64)

    def loss(weights):
        return ((weights["w"] - target) ** 2).mean(dim=1)

    together, norms, first = local_training(start, [loss, loss], 0.1)
    assert first.tolist() == [1.0, 16.0, 0.0]
    assert norms[2] == 0.0
    assert norms[1] > norms[0] > 0.0
    assert torch.equal(start["w"], torch.ones(3, 4, dtype=torch.float64))
    for client in range(3):

        def mine(weights, client=client):
            return ((weights["w"] - target[client]) ** 2).mean(dim=1)

        alone, _, _ = local_training({"w": start["w"][client : client + 1]}, [mine, mine], 0.1)
        assert torch.allclose(together["w"][client], alone["w"][0], atol=1e-12)
