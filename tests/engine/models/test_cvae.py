"""The CVAE: bounds, and that it learns what MODEL D.2 says it can."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.models.cvae import BETA, CONTEXT, LATENT, STATE, Cvae, active_units, divergence
from engine.models.layers import generator


@given(st.lists(st.floats(-9, 9), min_size=4, max_size=4), st.floats(-8, 4))
def test_the_divergence_is_never_negative(mean, log_variance) -> None:
    kl = divergence(torch.tensor([mean]), torch.full((1, 4), log_variance))
    assert float(kl) >= 0.0


def test_the_divergence_is_zero_at_the_prior_alone() -> None:
    assert float(divergence(torch.zeros(1, 3), torch.zeros(1, 3))) == 0.0
    assert float(divergence(torch.full((1, 3), 0.1), torch.zeros(1, 3))) > 0.0


def test_sizes_are_those_of_the_model() -> None:
    for latent, count in ((64, 64_136), (LATENT, 45_608)):
        model = Cvae(generator(0), latent)
        assert sum(p.numel() for p in model.parameters()) == count


def twins(rows: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Five slow coordinates that the context knows, three fast ones that it does not."""
    context = rng.random((rows, CONTEXT))
    x = np.concatenate([context[:, :5], rng.random((rows, 3))], axis=1)
    return torch.from_numpy(x).float(), torch.from_numpy(context).float()


def test_it_rebuilds_the_fast_coordinates_with_few_active_units() -> None:
    rng, model = np.random.default_rng(0), Cvae(generator(0))
    adam = torch.optim.Adam(model.parameters(), 1e-3, weight_decay=1e-5)
    for _ in range(1200):
        x, context = twins(64, rng)
        noise = torch.from_numpy(rng.standard_normal((64, LATENT))).float()
        loss = model(x, context, noise).total.mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    x, context = twins(1000, rng)
    mean, _ = model.encode(x, context)
    rebuilt = model.decode(mean, context)
    assert rebuilt.min() >= 0.0
    assert rebuilt.max() <= 1.0
    task = ((rebuilt - x)[:, 5:] ** 2).mean(dim=0)
    assert (task < 0.2 * x[:, 5:].var(dim=0)).all()
    assert 2 <= active_units(mean) < LATENT
    parts = model(x, context, torch.zeros(1000, LATENT))
    assert torch.allclose(parts.total, parts.reconstruction + BETA * parts.kl)
    assert x.shape[1] == STATE
