"""Algorithm 4's updates: targets, soft updates, many learners as one, and that it learns."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from engine.learning.td3 import Settings, Td3
from engine.models.actor_critic import Critic
from engine.models.layers import generator, with_parameters
from engine.models.split_head import DEAL

STATE = 5


def a_learner(**changes: object) -> Td3:
    settings = Settings(learners=2, gamma=0.9, **changes)
    return Td3(STATE, settings, seed=3)


def batch(learners: int, rows: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    width = a_learner().columns.width
    content = rng.random((learners, rows, width)).astype(np.float32) * 0.5 + 0.25
    content[..., -1] = rng.random((learners, rows)) < 0.5
    return torch.from_numpy(content)


def critics(learner: Td3) -> list[Critic]:
    """The target critics as modules of their own."""
    alone = []
    for name in ("critic1_target", "critic2_target"):
        mine = {k.removeprefix(f"{name}."): v for k, v in learner.tensors() if k.startswith(name)}
        critic = copy.deepcopy(learner.critics_target)
        alone.append(with_parameters(critic, {k: v.clone() for k, v in mine.items()}))
    return alone


@pytest.mark.parametrize("split", [True, False])
def test_the_target_is_no_more_than_either_critic_says(split: bool) -> None:
    learner = a_learner(split=split)
    for _ in range(3):
        learner.improve(batch(2, 16))
    _, _, _, reward, then, deal, _ = learner.columns.take(batch(2, 16, 1))
    goes_on = torch.ones_like(reward)
    target = learner.target_value(reward, goes_on, then, deal)
    rho = learner.actor_target(then, deal)
    for critic in critics(learner):
        assert (target <= reward + 0.9 * critic(then, rho, deal) + 1e-6).all()
    assert torch.equal(learner.target_value(reward, 0 * goes_on, then, deal), reward)


def test_soft_updates_copy_at_one_and_stay_at_zero() -> None:
    learner = a_learner()
    learner.improve(batch(2, 8))
    before = copy.deepcopy(learner.actor_target.state_dict())
    learner.soften(0.0)
    assert all(torch.equal(v, before[k]) for k, v in learner.actor_target.state_dict().items())
    learner.soften(1.0)
    now = dict(learner.tensors())
    for name in ("actor", "critic1", "critic2"):
        fast = {k: v for k, v in now.items() if k.startswith(f"{name}.")}
        assert fast
        assert all(torch.equal(v, now[k.replace(".", "_target.", 1)]) for k, v in fast.items())


@pytest.mark.parametrize("split", [True, False])
def test_many_learners_at_once_are_each_learner_alone(split: bool) -> None:
    together = a_learner(split=split).double()
    alone = []
    for learner in range(2):
        one = Td3(STATE, dataclasses.replace(together.settings, learners=1), seed=3).double()
        source = dict(together.tensors())
        for name, value in one.tensors():
            value.copy_(source[name][learner : learner + 1])
        alone.append(one)
    for turn in range(4):
        rows = batch(2, 8, turn).double()
        together.improve(rows)
        for learner, one in enumerate(alone):
            one.improve(rows[learner : learner + 1])
    for name, value in together.tensors():
        each = [dict(one.tensors())[name] for one in alone]
        assert torch.allclose(value, torch.cat(each), atol=1e-9), name


def test_it_goes_on_from_weights_and_moments_as_if_never_interrupted() -> None:
    learner, resumed = a_learner(), a_learner()
    for turn in range(3):
        learner.improve(batch(2, 8, turn))
    for name, value in resumed.tensors():
        value.copy_(dict(learner.tensors())[name])
    forgetful = copy.deepcopy(resumed)
    resumed.set_moments(learner.moments())
    for each in (learner, resumed, forgetful):
        each.improve(batch(2, 8, 9))
    same = [torch.equal(v, dict(resumed.tensors())[k]) for k, v in learner.tensors()]
    assert all(same)
    without = [torch.equal(v, dict(forgetful.tensors())[k]) for k, v in learner.tensors()]
    assert not all(without)


def test_moments_of_another_make_are_refused() -> None:
    learner = a_learner()
    learner.improve(batch(2, 8))
    moments = learner.moments()
    short = {k: v if v.ndim < 2 else v[:, :1] for k, v in moments.items()}
    with pytest.raises(RuntimeError, match="shape"):
        learner.set_moments(short)
    with pytest.raises(KeyError):
        learner.set_moments({k: v for k, v in moments.items() if not k.endswith("exp_avg")})


@pytest.mark.parametrize(("split", "updates"), [(True, 800), (False, 800)])
def test_it_tells_a_crowded_queue_from_an_empty_one(split: bool, updates: int) -> None:
    """Two states: an empty server, and one with a wait of half a second and a toll."""
    settings = Settings(learners=2, split=split, learning_rate=3e-3, soft_update=0.05)
    learner = Td3(1, settings, seed=1)
    rng = np.random.default_rng(2)
    deal = np.array([1.5, 0.5, 0.6, 0.03, -0.3, 0.0, 0.6, 0.3], np.float32)
    assert len(deal) == len(DEAL)
    for _ in range(updates):
        learner.improve(toy(learner, deal, rng))
    both = torch.tensor([[[0.0], [1.0]]] * 2)
    many = torch.from_numpy(np.broadcast_to(deal, (2, 2, 8)).copy())
    rho = learner.actor(both, many)
    assert (rho[:, 0] > 0.3).all()
    assert (rho[:, 1] < 0.2).all()


def toy(learner: Td3, deal: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    crowded = (rng.random((2, 64)) < 0.5).astype(np.float32)
    rho = rng.random((2, 64)).astype(np.float32)
    wait, toll = 0.5 * crowded, 0.3 * rho * crowded
    delay = np.maximum((1 - rho) * 0.5, rho * 0.6 + 0.03 + wait)
    cost = 1.5 + (delay - 0.5) / 0.6 - 0.3 * rho
    rows = np.zeros((2, 64, learner.columns.width), np.float32)
    rows[..., 0], rows[..., 1:9], rows[..., 9] = crowded, deal, rho
    rows[..., 10] = 1.0 / (cost + toll)
    rows[..., -9:-1] = 1.0
    return torch.from_numpy(rows)


def test_nothing_is_drawn_from_the_global_generator() -> None:
    torch.manual_seed(0)
    one = dict(a_learner().tensors())
    torch.manual_seed(1)
    assert all(torch.equal(one[name], value) for name, value in a_learner().tensors())
    assert generator(1).initial_seed() == 1
