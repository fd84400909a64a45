"""Laws of the federation: what an average may and may not do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.learning import federation
from engine.learning.federation import accepted, aggregate, metropolis, weights
from engine.rsus import mesh

SIZES = st.lists(st.integers(1, 500), min_size=1, max_size=12)


@given(SIZES, st.sampled_from(["uniform", "size", "full"]), st.integers(0, 9))
def test_weights_sum_to_one(sizes, rule, seed) -> None:
    rng = np.random.default_rng(seed)
    k = len(sizes)
    alpha = weights(np.array(sizes, float), rng.integers(0, 5, k), np.ones(k, bool), rule)
    assert alpha.sum() == pytest.approx(1.0)
    assert (alpha >= 0.0).all()


def test_nobody_accepted_leaves_the_model() -> None:
    alpha = weights(np.ones(3), np.zeros(3), np.zeros(3, bool))
    model = torch.arange(4.0)
    assert alpha.tolist() == [0.0, 0.0, 0.0]
    assert aggregate(model, torch.ones(3, 4), alpha).tolist() == model.tolist()


@given(SIZES, st.integers(0, 9))
def test_order_of_clients_is_irrelevant(sizes, seed) -> None:
    rng = np.random.default_rng(seed)
    k = len(sizes)
    samples, stale = np.array(sizes, float), rng.integers(0, 5, k).astype(float)
    deltas = torch.from_numpy(rng.standard_normal((k, 7)))
    order = rng.permutation(k)
    model = torch.zeros(7, dtype=torch.float64)
    kept = np.ones(k, bool)
    one = aggregate(model, deltas, weights(samples, stale, kept))
    other = aggregate(model, deltas[order], weights(samples[order], stale[order], kept))
    assert torch.allclose(one, other, atol=1e-12)


def test_equal_models_are_a_fixed_point() -> None:
    model = torch.randn(9, generator=torch.Generator().manual_seed(0))
    alpha = weights(np.array([3.0, 5.0]), np.zeros(2), np.ones(2, bool))
    assert torch.equal(aggregate(model, torch.zeros(2, 9), alpha), model)
    shared = model.repeat(20, 1)
    mixed = torch.from_numpy(metropolis(mesh())).float() @ shared
    assert torch.allclose(mixed, shared, atol=1e-6)


def test_a_refused_client_has_no_influence_even_with_nan() -> None:
    deltas = torch.ones(3, 4)
    deltas[1] = float("nan")
    alpha = weights(np.ones(3), np.zeros(3), np.array([True, False, True]))
    assert aggregate(torch.zeros(4), deltas, alpha).tolist() == [1.0] * 4


def test_stale_updates_weigh_less() -> None:
    alpha = weights(np.ones(3), np.array([0.0, 1.0, 3.0]), np.ones(3, bool))
    assert alpha[0] > alpha[1] > alpha[2]
    assert alpha[0] / alpha[2] == pytest.approx(2.0)
    assert federation.asynchronous_share(3.0) == pytest.approx(0.3)


def test_larger_datasets_weigh_more_unless_uniform() -> None:
    sizes, fresh, kept = np.array([10.0, 30.0]), np.zeros(2), np.ones(2, bool)
    assert weights(sizes, fresh, kept, "size").tolist() == [0.25, 0.75]
    assert weights(sizes, fresh, kept, "uniform").tolist() == [0.5, 0.5]


def test_norms_decide_who_is_accepted() -> None:
    norms = np.array([1.0, 1.1, 0.9, 1.0, 50.0, 0.1])
    kept = accepted(norms, sigma_min=0.5)
    assert kept.tolist() == [True, True, True, True, False, False]
    assert accepted(np.array([1.0, np.nan, 1.0, 1.0]), 0.0).tolist() == [True, False, True, True]
    # However high the bar, the three largest stay.
    assert accepted(np.array([1.0, 1.1, 0.9, 0.8]), 9.0).sum() == 3
    assert accepted(np.zeros(0), 0.0).tolist() == []
    assert not accepted(np.array([np.inf]), 0.0).any()


def test_metropolis_is_symmetric_and_doubly_stochastic() -> None:
    mix = metropolis(mesh())
    assert np.allclose(mix, mix.T)
    assert np.allclose(mix.sum(axis=0), 1.0)
    assert (mix >= 0.0).all()
    second = np.sort(np.abs(np.linalg.eigvalsh(mix)))[-2]
    assert second == pytest.approx(0.914, abs=0.01)  # MODEL D.4.5


def test_gossip_brings_models_together() -> None:
    models = torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    mix = torch.from_numpy(metropolis(mesh())).float()
    apart = federation.disagreement(models)
    for _ in range(60):
        models = mix @ models
    assert federation.disagreement(models) < 0.02 * apart


def test_flattening_comes_back() -> None:
    like = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([7.0])}
    back = federation.unflatten(federation.flatten(like), like)
    assert all(torch.equal(back[name], like[name]) for name in like)
    stack = {name: torch.stack([value, 2 * value]) for name, value in like.items()}
    flat = federation.flatten(stack, models=2)
    assert torch.equal(federation.unflatten(flat, like)["a"][1], 2 * like["a"])
