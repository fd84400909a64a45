"""Algorithm 3 on a small city: rounds happen, losses fall, and the rules hold in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.environment import Arm
from engine.learning.adfl import Adfl, AdflOptions
from engine.learning.experience import Experience, experience
from engine.learning.features import CONTEXT, view
from engine.learning.forecast import Forecaster
from engine.learning.memory import Windows
from engine.learning.rounds import Round
from engine.learning.samples import Samples
from engine.learning.seats import take_seats
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.physics.neighbours import nobody
from engine.rsus import mesh
from engine.schemes.myopic import Myopic
from engine.twins import VehicleTwins
from engine.world import World

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"


class Watched(Myopic):
    """Decides as `myopic` and keeps what an agent would have experienced."""

    def __init__(self) -> None:
        self.windows = Windows()

    def experience(self, observation, outcome) -> Experience:
        window = self.windows.take(observation)
        zeros = np.zeros((len(observation.vehicle), CONTEXT))
        seen = view(observation, take_seats(observation), zeros)
        note = np.zeros((len(seen.row), 0), np.float32)
        return experience(observation, outcome, seen, note, window)


def rounds_of(
    mode: str = "semi", cvae: bool = False, steps: int = 30, battery: float = 250.0, **options
) -> tuple[Adfl, list[Round]]:
    params = Params.parse({"vehicles": 60, "battery": battery, "aggregation": mode, "cvae": cvae})
    world, twins = World(RecordedMobility(TRACE), params), VehicleTwins()
    forecaster, samples = Forecaster(0, cvae=cvae), Samples()
    adfl = Adfl(
        forecaster, forecaster.start(), mesh(), samples.data, AdflOptions(**options), seed=0
    )
    scheme, arm = Watched(), None
    for _ in range(steps):
        scene = world.step(params)
        arm = arm or Arm("x", scheme, scene.rsus)
        stepped = arm.step(scene, params, twins.step(scene, 1.0), nobody(len(scene.vehicle)))
        seen = scheme.experience(stepped.observation, stepped.outcome)
        samples.take(seen)
        adfl.learn(seen)
    return adfl, adfl.take_rounds()


@pytest.mark.parametrize("mode", ["semi", "sync", "async"])
def test_modes_differ_by_their_trigger(mode) -> None:
    adfl, rounds = rounds_of(mode, cvae=mode == "semi")
    fired = {entry.fired for entry in rounds}
    assert rounds
    assert (
        fired
        <= {"semi": {"count", "time"}, "sync": {"all", "time-out"}, "async": {"arrival"}}[mode]
    )
    for entry in rounds:
        assert entry.tier == "forecast"
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
    _, rounds = rounds_of(pause_s=2.0, steps=45)
    losses = [entry.loss for entry in rounds]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])


def test_without_eligible_clients_nothing_moves() -> None:
    adfl, rounds = rounds_of(battery=140.0)
    assert rounds == []
    assert torch.equal(adfl.models, adfl.models[:1].expand_as(adfl.models))
