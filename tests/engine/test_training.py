"""Training headless: it repeats, resumes, survives exploding losses, and its policy acts alike."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learning.adfl import AdflOptions
from engine.learning.agent import Agent, Options
from engine.learning.checkpoint import CheckpointError, load_policy
from engine.learning.td3 import Settings
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.training import LOG_FILE, POLICY_FILE, train

torch.set_num_threads(1)
TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"
PARAMS = Params(vehicles=80, seed=4)
SMALL = Settings(learners=4, updates=1, warm_up=8, batch=16)
OPTIONS = Options(settings=SMALL, adfl=AdflOptions())


def a_training(out: Path, episodes: int = 1, options: Options = OPTIONS, **more):
    agent = Agent(np.random.default_rng(0), options)
    steps = more.pop("steps", 14)
    return agent, train(
        agent, (PARAMS,), episodes, lambda _: RecordedMobility(TRACE), out, steps=steps, **more
    )


def test_the_same_seed_gives_the_same_policy(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    _, one = a_training(tmp_path / "a", progress=lambda *done: told.append(done))
    _, other = a_training(tmp_path / "b")
    assert one == other
    assert one[0].critic_loss is not None
    assert one[0].merges > 0
    assert one[0].rounds > 0
    assert told[-1] == (14, 14)
    for name in (POLICY_FILE, LOG_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a" / LOG_FILE).read_text())["episode"] == 0


def test_resuming_goes_on_and_refuses_damage(tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, adfl=None)
    _, first = a_training(tmp_path, 1, options)
    agent, both = a_training(tmp_path, 2, options, resume=True)
    assert both[0] == first[0]
    assert len(both) == 2
    assert agent.exploration.rate < options.exploration.rate
    policy = tmp_path / POLICY_FILE
    policy.write_bytes(policy.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        a_training(tmp_path, 3, options, resume=True)


def test_an_exploding_loss_is_rolled_back(tmp_path: Path) -> None:
    wild = dataclasses.replace(SMALL, learning_rate=1e12)
    options = Options(settings=wild)
    agent = Agent(np.random.default_rng(0), options)
    before = {name: value.clone() for name, value in agent.learners.tensors()}
    episodes = train(agent, (PARAMS,), 1, lambda _: RecordedMobility(TRACE), tmp_path, steps=20)
    assert episodes[0].rolled_back
    assert all(torch.equal(before[name], value) for name, value in agent.learners.tensors())
    assert (tmp_path / POLICY_FILE).exists()


def test_a_saved_policy_decides_as_the_one_that_was_trained(tmp_path: Path) -> None:
    from engine.comparison import Comparison  # noqa: PLC0415
    from engine.world import World  # noqa: PLC0415

    options = dataclasses.replace(OPTIONS, adfl=None)
    trained, _ = a_training(tmp_path, 1, options)
    loaded = Agent(np.random.default_rng(9), Options())
    loaded.restore(load_policy(tmp_path / POLICY_FILE))
    world, comparison = World(RecordedMobility(TRACE), PARAMS), Comparison(("local",), PARAMS, 0)
    for _ in range(3):
        seen = comparison.step(world.step(PARAMS), PARAMS)["local"].observation
        one, other = trained.act(seen), loaded.act(seen)
        assert one.rho.tolist() == other.rho.tolist()
        assert one.target.tolist() == other.target.tolist()


def test_a_policy_of_another_make_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    agent = Agent(np.random.default_rng(0), Options(settings=SMALL))
    state = agent.state()
    other = Agent(np.random.default_rng(1), OPTIONS)
    before = {name: value.clone() for name, value in other.learners.tensors()}
    short = {name: array[:, :1] for name, array in state["tensors"].items()}
    for broken in (
        {**state, "tensors": short},
        {**state, "tensors": {}},
        {**state, "options": {**state["options"], "settings": {"nonsense": 1}}},
    ):
        with pytest.raises(CheckpointError, match="another make"):
            other.restore(broken)
    assert all(torch.equal(before[name], value) for name, value in other.learners.tensors())
    other.restore(state)
    assert dict(other.learners.tensors()).keys() == state["tensors"].keys()
