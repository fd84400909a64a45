"""What ingredients let agents see: own ones are blank where the mesh and AdFL would tell."""

from __future__ import annotations

import dataclasses

import numpy as np

from engine.learning.features import CONTEXT, OWN, RSU
from engine.learning.forecast import Forecaster
from engine.learning.outlook import OwnOutlook, outlook
from engine.types import BY_RULE
from tests.engine.learning.conftest import a_pair


def test_own_ingredients_are_the_vehicle_and_its_rsu(play) -> None:
    player, _ = a_pair()
    observation = play(player, 12)[-1][0]
    own = OwnOutlook().show(observation)
    assert (own.target == BY_RULE).all()
    assert own.window is None
    assert own.context is None
    assert not own.view.state[:, OWN + RSU :].any()
    assert own.view.seat.tolist() == observation.serving[own.view.row].tolist()
    shown = player.outlook.show(observation)
    stays = shown.view.seat == observation.serving[shown.view.row]
    assert 0 < stays.sum() < len(stays)
    assert np.array_equal(own.view.state[stays, : OWN + RSU], shown.view.state[stays, : OWN + RSU])
    assert own.view.state[:, OWN : OWN + RSU].std(axis=0).all()


def test_switches_of_af_marls_sight_are_none_of_own_ones(play) -> None:
    player, _ = a_pair()
    observation = play(player, 3)[-1][0]
    params = dataclasses.replace(observation.params, agent_twin="off", forecast="off")
    usual, switched = (
        OwnOutlook().show(dataclasses.replace(observation, params=p)).view.state.tolist()
        for p in (observation.params, params)
    )
    assert usual == switched


def test_equal_ingredients_are_those_of_af_marl(play) -> None:
    player, _ = a_pair()
    observation = play(player, 12)[-1][0]
    starts = {cvae: Forecaster(0, cvae=cvae).start() for cvae in (True, False)}
    equal = outlook("equal", starts).show(observation)
    assert equal.view.state[:, -CONTEXT:].any()
    assert (equal.target != BY_RULE).any()
    assert equal.window is not None
