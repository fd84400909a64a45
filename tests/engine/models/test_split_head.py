"""The closed form of the split against brute force."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.models.split_head import (
    LEAST_SHARE,
    Belief,
    cheapest_share,
    quantile,
    social_cost,
)
from engine.physics.split import cheapest_share as certain_share

UNIT = st.floats(0.02, 0.95)


def a_deal(a=0.5, b=0.6, c=0.03, slope=-0.3, deadline=0.6, toll=0.3) -> torch.Tensor:
    return torch.tensor([1.5, a, b, c, slope, 0.0, deadline, toll], dtype=torch.float64)


def a_belief(idle: float, mean: float, crowd: float) -> Belief:
    return Belief(*(torch.tensor(v, dtype=torch.float64) for v in (idle, mean, crowd)))


@given(UNIT, UNIT, UNIT, UNIT, UNIT)
def test_no_share_is_cheaper_in_expectation(idle, mean, crowd, a, deadline) -> None:
    deal, belief = a_deal(a=a, deadline=deadline), a_belief(idle, 0.3 * mean, 2 * crowd)
    rho = cheapest_share(belief, deal)
    grid = torch.linspace(LEAST_SHARE, 1.0, 801, dtype=torch.float64)
    costs = social_cost(grid, belief, deal)
    found = social_cost(rho, belief, deal)
    assert 0.0 <= float(rho) <= 1.0
    # Beyond the 98th percentile the quantile is bent on purpose.
    assert float(found) <= float(costs.min()) + 2e-2 * float(belief.mean_s) / deadline + 1e-6


def test_the_expected_cost_is_that_of_sampled_waits() -> None:
    belief, deal = a_belief(0.4, 0.15, 0.8), a_deal()
    rng = np.random.default_rng(0)
    waits = np.where(rng.random(400_000) < 0.4, 0.0, rng.exponential(0.15, 400_000))
    for rho in (0.1, 0.35, 0.8):
        delay = np.maximum((1 - rho) * 0.5, rho * 0.6 + 0.03 + waits)
        sampled = 1.5 + (delay.mean() - 0.5) / 0.6 + (-0.3 + 0.3 * 0.8) * rho
        expected = social_cost(torch.tensor(rho, dtype=torch.float64), belief, deal)
        assert abs(float(expected) - sampled) < 2e-3


def test_with_a_wait_that_is_certain_it_is_the_myopic_split() -> None:
    deal, belief = a_deal(), a_belief(0.999, 1e-3, 0.0)
    certain, _ = certain_share(*(np.array(v) for v in (0.5, 0.6, 0.03, 0.6, -0.3)))
    assert abs(float(cheapest_share(belief, deal)) - float(certain)) < 2e-3


def test_more_waiting_and_more_toll_mean_less_offloading() -> None:
    deal = a_deal()
    shares = [float(cheapest_share(a_belief(0.3, m, 0.5), deal)) for m in (0.01, 0.1, 0.3)]
    assert shares == sorted(shares, reverse=True)
    tolls = [float(cheapest_share(a_belief(0.3, 0.1, x), deal)) for x in (0.0, 0.5, 1.0)]
    assert tolls == sorted(tolls, reverse=True)


def slope_of(crowd: float, loss_sign: float) -> float:
    """Gradient of the crowd when descent lowers (1) or raises (-1) rho."""
    belief = Belief(*(torch.tensor(v, requires_grad=True) for v in (0.3, 0.1, crowd)))
    (loss_sign * cheapest_share(belief, a_deal().float())).backward()
    assert belief.crowd.grad is not None
    return float(belief.crowd.grad)


def test_a_clipped_share_can_be_led_back_but_not_further_away() -> None:
    assert float(cheapest_share(a_belief(0.3, 0.1, 9.0), a_deal())) == LEAST_SHARE
    assert slope_of(9.0, -1.0) > 0.0  # descent lowers the crowd, so that rho rises
    assert slope_of(9.0, 1.0) == 0.0
    assert slope_of(0.9, 1.0) != 0.0


def test_quantiles_ascend_from_zero() -> None:
    belief = a_belief(0.4, 0.2, 0.0)
    levels = torch.linspace(0.0, 1.5, 200, dtype=torch.float64)
    waits = quantile(belief, levels)
    assert (waits[levels <= 0.4] == 0.0).all()
    assert (waits.diff() >= 0.0).all()
