"""What clients train: together as one by one, on their own samples, and by their RSU's model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.learning.forecast import Forecaster
from engine.learning.memory import TOKEN, WIDTH
from engine.models.transformer import WINDOW

CLIENTS, ROWS = 3, 12


def samples(count: int, rows: int = ROWS, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).random((count, rows, WIDTH))
    drawn[..., WINDOW * TOKEN : WINDOW * TOKEN + WINDOW] = 0.0
    drawn[..., -2:] = 1.0
    return drawn


def different(forecaster: Forecaster, count: int) -> torch.Tensor:
    noise = torch.randn(count, len(forecaster.start()), generator=torch.manual_seed(3))
    return (forecaster.start() + 0.02 * noise).double()


@pytest.mark.parametrize("cvae", [True, False])
def test_training_together_is_training_one_by_one(cvae) -> None:
    forecaster, given = Forecaster(0, cvae=cvae), samples(CLIENTS)
    base, sizes = different(forecaster, CLIENTS), np.array([ROWS, 5, 9])
    together = forecaster.train(base, given, sizes, np.random.default_rng(1), 1e-3, cvae)
    rng = np.random.default_rng(1)
    for i in range(CLIENTS):
        mine = slice(i, i + 1)
        alone = forecaster.train(base[mine], given[mine], sizes[mine], rng, 1e-3, cvae)
        assert torch.allclose(together.deltas[i], alone.deltas[0], atol=1e-9)
        assert together.norms[i] == pytest.approx(alone.norms[0], rel=1e-9)
        for name, losses in together.losses.items():
            assert losses[i] == pytest.approx(alone.losses[name][0], rel=1e-9)
    assert together.deltas.abs().max() > 1e-4
    assert set(together.losses) == {"forecast"} | (
        {"cvae", "cvae_kl", "cvae_reconstruction"} if cvae else set()
    )


def test_samples_that_are_not_there_do_not_count() -> None:
    forecaster, given = Forecaster(0, cvae=False), samples(1)
    other, sizes = given.copy(), np.array([5])
    other[:, 5:] = samples(1, ROWS - 5, seed=8)
    base = different(forecaster, 1)
    one, two = (
        forecaster.train(base, each, sizes, np.random.default_rng(1), 1e-3, False)
        for each in (given, other)
    )
    assert torch.equal(one.deltas, two.deltas)
    other[:, 4] = samples(1, 1, seed=8)[:, 0]
    two = forecaster.train(base, other, sizes, np.random.default_rng(1), 1e-3, False)
    assert not torch.equal(one.deltas, two.deltas)


@pytest.mark.parametrize("cvae", [True, False])
def test_each_vehicle_is_foretold_by_its_rsus_model(cvae) -> None:
    forecaster = Forecaster(0, cvae=cvae)
    models, windows = different(forecaster, 4), torch.from_numpy(samples(7, 1)[:, 0, :-5])
    rsu = np.array([3, 0, 3, 3, 1, 0, 1])  # none at 2
    together = forecaster.predict(models, rsu, windows)
    for i, m in enumerate(rsu):
        alone = forecaster.predict(models[m : m + 1], np.zeros(1, int), windows[i : i + 1])
        assert torch.allclose(together[i], alone[0], atol=1e-10)
    assert torch.allclose(forecaster.predict(models, rsu, windows), together)
    assert forecaster.predict(models[:1], rsu, windows).shape == (7, 4)
