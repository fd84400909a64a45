"""Measures of a forecast by hand, and that pre-training finds what there is to find."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.learning.forecast import Forecaster
from engine.learning.memory import TOKEN, WIDTH
from engine.learning.pretrain import pretrain
from engine.learning.recording import Recorded, together
from engine.learning.skill import auc, baselines, means, r_squared, skill
from engine.models.cvae import STATE
from engine.models.transformer import WINDOW

TASK = STATE + 4


def recorded(count: int = 400, seed: int = 0) -> Recorded:
    """The wait that comes is the one the newest token shows; success hangs on it."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count, WIDTH), np.float32)
    tokens = rows[:, : WINDOW * TOKEN].reshape(count, WINDOW, TOKEN)
    tokens[:, :, TASK] = 1.0
    rows[:, WINDOW * TOKEN : WINDOW * TOKEN + WINDOW] = 0.0
    wait = tokens[:, -1, STATE + 5]
    rows[:, -5], rows[:, -2], rows[:, -1] = 2.0 * wait, wait < 0.5, 1.0
    return Recorded(rows, rows[:, -5].copy(), np.zeros(count, int), np.arange(count))


def test_r_squared_by_hand() -> None:
    came = np.array([1.0, 2.0, 3.0])
    assert r_squared(came, came) == 1.0
    assert r_squared(np.full(3, 2.0), came) == 0.0
    assert r_squared(came[::-1], came) == -3.0
    assert np.isnan(r_squared(came, np.ones(3)))


def test_auc_counts_pairs_and_halves_ties() -> None:
    came = np.array([False, True, False, True])
    assert auc(np.array([0.1, 0.9, 0.2, 0.8]), came) == 1.0
    assert auc(np.array([0.1, 0.15, 0.2, 0.8]), came) == 0.75
    assert auc(np.full(4, 0.3), came) == 0.5
    assert np.isnan(auc(np.ones(2), np.ones(2, bool)))


def test_the_baselines_say_what_they_are_called() -> None:
    told = recorded(50)
    tokens = told.rows[:, : WINDOW * TOKEN].reshape(50, WINDOW, TOKEN)
    tokens[0, :, TASK] = 0.0
    tokens[1, 5:, TASK] = 0.0
    mean = means(recorded(50, seed=1))
    found = baselines(told, mean)
    assert found["persistence"][:, 0] == pytest.approx(told.last_wait)
    assert found["persistence"][0, 1:] == pytest.approx(mean[1:])
    assert found["persistence"][1, 2] == pytest.approx(tokens[1, 4, STATE + 1])
    assert found["persistence"][2, 1] == pytest.approx(3.0 * tokens[2, -1, STATE])
    assert found["10-s mean"][1, 2] == pytest.approx(tokens[1, :5, STATE + 1].mean())
    assert found["10-s mean"][:, 0] == pytest.approx(tokens[:, -1, STATE + 6])
    assert skill(found["persistence"], told).wait == pytest.approx(1.0)


def test_pre_training_finds_a_rule() -> None:
    forecaster, seen, new = Forecaster(0, cvae=False), recorded(2000), recorded(300, seed=1)
    model = pretrain(forecaster, seen.rows, steps=160, seed=0)
    assert model.shape == forecaster.start().shape
    told = []
    for weights in (forecaster.start(), model):
        windows = torch.from_numpy(new.rows[:, :-5])
        told.append(forecaster.predict(weights[None], new.rsu, windows).double().numpy())
    before, after = (skill(each, new) for each in told)
    assert after.wait > 0.5 > before.wait
    assert after.auc > 0.9
    assert len(together([seen, new]).since(1990).rows) == 10
