"""Algorithm 3 on a small city: rounds happen, losses fall, and the rules hold in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.environment import Arm
from engine.learning.adfl import Adfl, AdflOptions, Round
from engine.learning.forecast import Forecaster
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.physics.neighbours import nobody
from engine.rsus import mesh
from engine.schemes.myopic import Myopic
from engine.twins import VehicleTwins
from engine.world import World

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"


def rounds_of(
    options: AdflOptions, steps: int = 30, battery: float = 250.0
) -> tuple[Adfl, list[Round]]:
    params = Params.parse({"vehicles": 60, "battery": battery})
    world, twins = World(RecordedMobility(TRACE), params), VehicleTwins()
    adfl = Adfl(Forecaster(0, cvae=options.cvae), mesh(), options, seed=0)
    arm = None
    for step in range(steps):
        scene = world.step(params)
        arm = arm or Arm("x", Myopic(), scene.rsus)
        stepped = arm.step(scene, params, twins.step(scene, 1.0), nobody(len(scene.vehicle)))
        context = adfl.context(stepped.observation)
        assert context.shape == (len(scene.vehicle), 2)
        assert np.isfinite(context).all()
        assert ((context[:, 1] >= 0.0) & (context[:, 1] <= 1.0)).all()
        adfl.learn(stepped.outcome, float(step))
    return adfl, adfl.take_rounds()


@pytest.mark.parametrize("mode", ["semi", "sync", "async"])
def test_modes_differ_by_their_trigger(mode) -> None:
    adfl, rounds = rounds_of(AdflOptions(mode=mode, cvae=mode == "semi"))
    fired = {entry.fired for entry in rounds}
    assert rounds
    assert (
        fired
        <= {"semi": {"count", "time"}, "sync": {"all", "time-out"}, "async": {"arrival"}}[mode]
    )
    for entry in rounds:
        assert len(entry.vehicle) == len(entry.weight) == len(entry.staleness)
        assert min(entry.staleness) >= 0
        if mode == "async":
            assert len(entry.vehicle) == 1
            assert sum(entry.weight) <= 0.6 + 1e-9
        else:
            assert sum(entry.weight) == pytest.approx(1.0)
        assert entry.bytes == 2 * len(entry.vehicle) * 4 * adfl.models.shape[1]
    assert torch.isfinite(adfl.models).all()
    assert adfl.disagreement() > 0.0
    assert adfl.take_rounds() == []


def test_the_forecast_improves() -> None:
    _, rounds = rounds_of(AdflOptions(cvae=False, pause_s=2.0), steps=45)
    losses = [entry.loss for entry in rounds]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])


def test_without_eligible_clients_nothing_moves() -> None:
    adfl, rounds = rounds_of(AdflOptions(cvae=False), battery=140.0)
    assert rounds == []
    assert torch.equal(adfl.models, adfl.models[:1].expand_as(adfl.models))
