"""Learned schemes on stage: trained or not, they leave the others alone and repeat bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.comparison import Comparison
from engine.learning.checkpoint import CheckpointError, save_policy
from engine.learning.policy import Options, Policy
from engine.learning.td3 import Settings
from engine.learning.trainer import Learnt, News
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.schemes import af_marl, build, load
from engine.schemes.af_marl import SHIPPED
from engine.world import World

torch.set_num_threads(1)
SMALL = Settings(learners=4, updates=1, warm_up=8, batch=16)


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A policy of few learners that soon have enough to learn from."""
    file = tmp_path_factory.mktemp("policies") / "small.policy"
    save_policy(file, Policy.scratch(af_marl.ALGORITHM, 0, Options(SMALL)).state())
    return {"af-marl": file}


@pytest.fixture(scope="module")
def trained_by_default(policies):
    """Metrics of sixteen steps of training with all switches at their defaults."""
    return play(("af-marl", "tolled"), policies)[0]


def play(stage, policies, steps=16, wanted=None, **more):
    """Metrics of each scheme, (steps, metrics), and the comparison."""
    raw = {"vehicles": 40, "train": True, **(wanted or {})}
    params = Params.parse(raw)
    comparison = Comparison(stage, params, 0, policies=policies, **more)
    world = World(SyntheticMobility(0), params)
    rows: dict[str, list[bytes]] = {}
    for _ in range(steps):
        for name, step in comparison.step(world.step(params), params).items():
            rows.setdefault(name, []).append(step.row.tobytes())
    return rows, comparison


def test_training_inline_repeats_bit_for_bit_and_nobody_else_feels_it(policies) -> None:
    stage = ("af-marl", "random", "tolled")
    one, trained = play(stage, policies)
    again, _ = play(stage[::-1], policies)
    alone, _ = play(("af-marl",), policies)
    without, _ = play(stage[1:], policies)
    still, resting = play(stage, policies, wanted={"train": False})
    assert one == again
    assert one["af-marl"] == alone["af-marl"] != still["af-marl"]
    for name in stage[1:]:
        assert one[name] == without[name] == still[name]
    learnt = trained.learnt()
    assert [entry.step for _, entry in learnt] == list(range(15))
    assert any(entry.updated for _, entry in learnt)
    assert {tier.tier for _, entry in learnt for tier in entry.rounds} == {"agents", "forecast"}
    assert trained.learnt() == []
    assert trained.learning() == {
        "af-marl": {
            "state": "training", "message": "", "policy": "small.policy", "learnt": 15, "dropped": 0
        }
    }  # fmt: skip
    assert resting.learning()["af-marl"]["state"] == "off"
    assert resting.learnt() == []
    json.dumps(trained.learning())


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("forecast", "off"), ("forecast", "persistence"), ("cvae", False),
        ("aggregation", "none"), ("aggregation", "async"), ("agent_twin", "off"),
        ("agent_twin", "stale"),
    ],
)  # fmt: skip
def test_a_switch_changes_the_learned_scheme_and_no_other(
    policies, trained_by_default, switch, value
) -> None:
    switched, _ = play(("af-marl", "tolled"), policies, wanted={switch: value})
    assert trained_by_default["tolled"] == switched["tolled"]
    assert trained_by_default["af-marl"] != switched["af-marl"]


def test_a_start_from_scratch_is_no_start_from_what_ships() -> None:
    stage = ("af-marl", "tolled")
    shipped, at_rest = play(stage, {}, 2)
    scratch, comparison = play(stage, {}, 2, wanted={"start": "scratch"})
    assert shipped["tolled"] == scratch["tolled"]
    assert shipped["af-marl"] != scratch["af-marl"]
    assert at_rest.learning()["af-marl"]["policy"] == "shipped"
    assert comparison.learning()["af-marl"]["policy"] == "scratch"


class Recorder:
    """A trainer that learns nothing and writes down how it was used."""

    def __init__(self, *asked) -> None:
        self.asked, self.fed, self.closed = asked, [], 0
        self.news = News(None, (), "starting", "Starting.", 2)

    def feed(self, experience) -> None:
        self.fed.append(experience.step)

    def poll(self) -> News:
        return self.news

    def close(self) -> None:
        self.closed += 1


def test_a_trainer_is_opened_fed_and_closed_as_the_switch_and_the_stage_say(policies) -> None:
    opened: list[Recorder] = []

    def open_recorder(*asked) -> Recorder:
        opened.append(Recorder(*asked))
        return opened[-1]

    off, on = (Params(vehicles=40, train=train) for train in (False, True))
    comparison = Comparison(("af-marl", "local"), off, 3, open_recorder, policies)
    world = World(SyntheticMobility(0), off)
    for params in (off, on, on, off, on):
        comparison.step(world.step(params), params)
        explores = comparison.arms["af-marl"].scheme.explores
        assert explores is params.train
    (trainer,) = opened
    scheme, params, seed, policy = trainer.asked
    assert (scheme, params, policy) == ("af-marl", off, policies["af-marl"])
    assert isinstance(seed, int)
    assert trainer.fed == [1, 2, 4]
    status = comparison.learning()["af-marl"]
    assert (status["state"], status["message"], status["dropped"]) == ("starting", "Starting.", 6)
    trainer.news = News(None, (Learnt(4, False, {}, (), "Trouble."),), "training")
    comparison.step(world.step(on), on)
    assert [entry.trouble for _, entry in comparison.learnt()] == ["Trouble."]
    comparison.set_stage(("local", "af-marl"))
    assert trainer.closed == 0
    comparison.set_stage(("local",))
    assert trainer.closed == 1
    assert comparison.learning() == {}
    comparison.set_stage(("af-marl", "local"))
    comparison.step(world.step(on), on)
    assert len(opened) == 2
    comparison.close()
    assert opened[1].closed == 1


def test_weights_are_taken_before_the_step(policies) -> None:
    params = Params(vehicles=40, train=True, forecast="off")
    trainer = Recorder()
    trainer.news = News(None, (), "training")
    comparison = Comparison(("af-marl",), params, 0, lambda *_: trainer, policies)
    world = World(SyntheticMobility(0), params)
    comparison.step(world.step(params), params)
    player = comparison.arms["af-marl"].scheme
    bias = player.acting.actors["actor"].net.layers[2].bias
    trainer.news = News(
        {
            "actor.net.layers.2.bias": np.full(bias.shape, -20.0, np.float32),
            "exploration": np.zeros(2, np.float32),
        },
        (),
        "training",
    )
    before = bias.clone()
    step = comparison.step(world.step(params), params)["af-marl"]
    assert not torch.equal(before, bias)
    assert player.acting.exploration.rate == 0.0
    # Never idle, waits of no length, no toll: as if nobody else were there.
    assert (step.decision.rho[step.observation.has_task] > 0.0).mean() > 0.5


def test_what_ships_is_small_and_better_than_the_toll_by_hand() -> None:
    assert SHIPPED.stat().st_size < 2_000_000
    params = Params(vehicles=200)
    comparison = Comparison(("af-marl", "tolled"), params, 0)
    world = World(SyntheticMobility(0), params)
    costs = {"af-marl": 0.0, "tolled": 0.0}
    for _ in range(40):
        for name, step in comparison.step(world.step(params), params).items():
            costs[name] += step.outcome.cost.sum()
    assert costs["af-marl"] < costs["tolled"]


def test_a_policy_that_cannot_be_used_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    params, missing = Params(), tmp_path / "missing.policy"
    with pytest.raises(CheckpointError, match=r"missing\.policy cannot be read"):
        Comparison(("af-marl",), params, 0, policies={"af-marl": missing})
    comparison = Comparison(("local",), params, 0, policies={"af-marl": missing})
    with pytest.raises(CheckpointError):
        comparison.set_stage(("local", "af-marl"))
    assert comparison.stage == ("local",)
    with pytest.raises(ValueError, match="tolled does not learn"):
        build("tolled", params, np.random.default_rng(0), missing)
    assert load("af-marl").LABEL == "AF-MARL"
