"""Training headless: it repeats, resumes, survives exploding losses, and its policy acts alike."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learning.checkpoint import CheckpointError, load_policy
from engine.learning.learner import MarlLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.td3 import Settings
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.training import LOG_FILE, POLICY_FILE, train

torch.set_num_threads(1)
TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"
PARAMS = Params(vehicles=80, seed=4)
SMALL = Settings(learners=4, updates=1, warm_up=8, batch=16)
OPTIONS = Options(settings=SMALL)


def a_pair(options: Options = OPTIONS) -> tuple[Player, MarlLearner]:
    policy = Policy.scratch("af-marl", 0, options)
    rngs = np.random.default_rng(0).spawn(2)
    return Player(policy, rngs[0]), MarlLearner(policy, rngs[1])


def a_training(out: Path, episodes: int = 1, options: Options = OPTIONS, **more):
    player, learner = a_pair(options)
    steps = more.pop("steps", 14)
    return learner, train(
        player, learner, (PARAMS,), episodes, lambda _: RecordedMobility(TRACE), out,
        steps=steps, **more,
    )  # fmt: skip


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


def test_training_resumed_is_training_not_interrupted(tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        if done > 16:
            raise KeyboardInterrupt

    _, whole = a_training(tmp_path / "a", 2)
    with pytest.raises(KeyboardInterrupt):
        a_training(tmp_path / "b", 2, progress=stop)
    learner, rest = a_training(tmp_path / "b", 2, resume=True)
    assert rest == whole
    for name in (POLICY_FILE, LOG_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert learner.exploration.rate < OPTIONS.exploration.rate
    policy = tmp_path / "b" / POLICY_FILE
    policy.write_bytes(policy.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        a_training(tmp_path / "b", 3, resume=True)


def test_an_exploding_loss_is_rolled_back(tmp_path: Path) -> None:
    wild = dataclasses.replace(SMALL, learning_rate=1e12)
    player, learner = a_pair(Options(settings=wild))
    before = {name: value.clone() for name, value in learner.learners.tensors()}
    episodes = train(
        player, learner, (PARAMS,), 1, lambda _: RecordedMobility(TRACE), tmp_path, steps=20
    )
    assert episodes[0].rolled_back
    assert all(torch.equal(before[name], value) for name, value in learner.learners.tensors())
    assert (tmp_path / POLICY_FILE).exists()


def test_a_saved_policy_decides_as_the_one_that_was_trained(tmp_path: Path) -> None:
    from engine.comparison import Comparison  # noqa: PLC0415
    from engine.world import World  # noqa: PLC0415

    params = dataclasses.replace(PARAMS, forecast="off")
    learner, _ = a_training(tmp_path)
    trained = Player(learner.policy(), np.random.default_rng(1))
    loaded = Player(
        Policy.of(load_policy(tmp_path / POLICY_FILE), "af-marl"), np.random.default_rng(9)
    )
    world, comparison = World(RecordedMobility(TRACE), params), Comparison(("local",), params, 0)
    for _ in range(3):
        seen = comparison.step(world.step(params), params)["local"].observation
        one, other = trained.act(seen), loaded.act(seen)
        assert one.rho.tolist() == other.rho.tolist()
        assert one.target.tolist() == other.target.tolist()


def test_a_state_of_another_make_is_refused_and_changes_nothing() -> None:
    _, learner = a_pair()
    state = learner.state()
    _, other = a_pair()
    before = {name: value.clone() for name, value in other.learners.tensors()}
    short = {name: array[:, :1] for name, array in state["tensors"].items() if array.ndim > 1}
    for broken in (
        {**state, "tensors": short},
        {**state, "tensors": {}},
        {**state, "options": {**state["options"], "settings": {"nonsense": 1}}},
        {**state, "scheme": "ddqn"},
        learner.policy().state(),
    ):
        with pytest.raises(CheckpointError):
            other.restore(broken)
    assert all(torch.equal(before[name], value) for name, value in other.learners.tensors())
    other.restore(state)
    assert other.state()["tensors"].keys() == state["tensors"].keys()
