"""Where a learned scheme begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.learning.checkpoint import CheckpointError
from engine.learning.policy import Policy
from engine.params import Params
from engine.schemes import af_marl, ddqn


def params(**changes: object) -> Params:
    return Params.parse({"start": "scratch", "seed": 5, **changes})


def test_agents_with_equal_ingredients_may_begin_with_the_forecast_of_another_scheme() -> None:
    alone = ddqn.beginning(params(ingredients="equal"), None)
    helped = ddqn.beginning(params(ingredients="equal"), af_marl.SHIPPED)
    lender = af_marl.beginning(Params(), None)

    assert set(helped.forecasts) == set(lender.forecasts)
    for cvae, model in helped.forecasts.items():
        torch.testing.assert_close(model, lender.forecasts[cvae], rtol=0, atol=0)
    assert helped.options.adfl == lender.options.adfl
    assert helped.options.settings == alone.options.settings
    for name, network in helped.networks.items():
        torch.testing.assert_close(network, alone.networks[name], rtol=0, atol=0)


def test_agents_without_a_forecast_borrow_none() -> None:
    with pytest.raises(CheckpointError, match="of the scheme af-marl: ddqn cannot use it"):
        ddqn.beginning(params(ingredients="own"), af_marl.SHIPPED)


def test_a_run_that_starts_as_shipped_takes_no_policy_of_another_scheme() -> None:
    with pytest.raises(CheckpointError, match="cannot use it"):
        ddqn.beginning(Params.parse({"ingredients": "equal"}), af_marl.SHIPPED)


def test_a_policy_without_a_forecast_lends_none(tmp_path: Path) -> None:
    own = ddqn.beginning(params(ingredients="own"), None)
    with pytest.raises(CheckpointError, match="no models of AdFL"):
        Policy.scratch(ddqn.ALGORITHM, 0, own.options, "equal").foreseeing_by(own.state())
