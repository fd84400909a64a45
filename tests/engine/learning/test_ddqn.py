"""Double DQN: its target by hand, learners apart, what it chooses, and that it learns."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from engine.learning.ddqn import Ddqn, DdqnActing, Settings
from engine.learning.exploration import Exploration
from engine.learning.features import View
from engine.models.split_head import DEAL

STATE = 2
#: A task that is best offloaded in part where nobody waits.
A_DEAL = np.array([1.5, 0.5, 0.6, 0.03, -0.3, 0.0, 0.6, 0.3], np.float32)


def by_hand(online: list[list[float]], target: list[list[float]], **changes: object) -> Ddqn:
    """Learners whose Q is the same for every state, (G, L)."""
    settings = Settings(learners=len(online), levels=len(online[0]), gamma=0.5, **changes)
    learner = Ddqn(STATE, settings, seed=0)
    with torch.no_grad():
        for net, values in ((learner.q, online), (learner.q_target, target)):
            last = net.net.layers[-1]
            last.weight.zero_()
            last.bias.copy_(torch.tensor(values))
    return learner


def rows(learner: Ddqn, rho: list[float], reward: float, goes_on: bool = False) -> torch.Tensor:
    """The same batch for every learner."""
    made = np.ones((learner.settings.learners, len(rho), learner.columns.width), np.float32)
    made[..., STATE + len(DEAL)], made[..., STATE + len(DEAL) + 1] = rho, reward
    made[..., -1] = goes_on
    return torch.from_numpy(made)


def test_the_network_selects_and_the_target_values() -> None:
    learner = by_hand([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], [[10.0, 20.0, 5.0], [7.0, 20.0, 30.0]])
    some = torch.ones(2, 1, STATE), torch.ones(2, 1, len(DEAL))
    reward, goes_on = torch.full((2, 1), 0.25), torch.ones(2, 1)
    wanted = learner.target_value(reward, goes_on, *some)
    # The best by its own network is level 2, then 0; neither has the greatest target.
    assert wanted.tolist() == [[0.25 + 0.5 * 5.0], [0.25 + 0.5 * 7.0]]
    assert torch.equal(learner.target_value(reward, 0.0 * goes_on, *some), reward)


def test_the_loss_is_hubers_at_the_level_that_was_taken() -> None:
    learner = by_hand([[1.0, 2.0, 5.5]], [[0.0, 0.0, 0.0]])
    # Errors -1, 0, 3.5; what a mandate forced counts for the nearest level.
    loss = learner.improve(rows(learner, [0.0, 0.6, 1.0], 2.0))
    assert loss.tolist() == pytest.approx([(0.5 + 0.0 + 3.0) / 3.0])


def test_the_target_is_a_copy_of_every_so_many_updates() -> None:
    learner = by_hand([[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]], target_every=3)
    was = copy.deepcopy(learner.q_target.state_dict())
    for update in range(1, 7):
        learner.improve(rows(learner, [0.0, 0.5], 1.0))
        now = learner.q_target.state_dict()
        same = {k: torch.equal(v, learner.q.state_dict()[k]) for k, v in now.items()}
        assert all(same.values()) == (update % 3 == 0)
        kept = all(torch.equal(v, was[k]) for k, v in now.items())
        assert kept == (update < 3)


@pytest.mark.parametrize("split", [True, False])
def test_many_learners_at_once_are_each_learner_alone(split: bool) -> None:
    together = Ddqn(STATE, Settings(learners=2, split=split, target_every=2), seed=3)
    alone = [Ddqn(STATE, Settings(learners=1, split=split, target_every=2), 3) for _ in "ab"]
    rng = np.random.default_rng(0)
    for _ in range(5):
        made = rng.random((2, 8, together.columns.width)).astype(np.float32) * 0.5 + 0.25
        together.improve(torch.from_numpy(made))
        for index, one in enumerate(alone):
            one.improve(torch.from_numpy(made[index : index + 1]))
    for name, value in together.tensors():
        each = torch.cat([dict(one.tensors())[name] for one in alone])
        assert torch.allclose(value, each, atol=1e-5), name
    assert not torch.equal(*dict(together.tensors())["q.net.net.layers.0.weight" if split
                                                     else "q.net.layers.0.weight"])  # fmt: skip


def test_the_split_form_is_its_critic_at_every_level() -> None:
    learner = Ddqn(STATE, Settings(learners=2, split=True), seed=1)
    state = torch.randn((2, 4, STATE), generator=torch.Generator().manual_seed(0))
    deal = torch.from_numpy(np.broadcast_to(A_DEAL, (2, 4, len(DEAL))).copy())
    values = learner.q(state, deal)
    assert values.shape == (2, 4, 11)
    for level in range(11):
        rho = torch.full((2, 4), level / 10.0)
        assert torch.allclose(values[..., level], learner.q.net(state, rho, deal), atol=1e-6)


def test_it_goes_on_from_its_memory_as_if_never_interrupted() -> None:
    settings = Settings(learners=2, warm_up=4, target_every=3)
    learner, resumed = (Ddqn(STATE, settings, seed=0) for _ in range(2))
    rng = np.random.default_rng(0)
    made = rng.random((40, learner.columns.width)).astype(np.float32)
    learner.transitions.replay.add(np.arange(40) % 2, made)
    learner.update(np.random.default_rng(1))
    with torch.no_grad():
        for name, value in resumed.tensors():
            value.copy_(dict(learner.tensors())[name])
    resumed.set_moments(learner.moments())
    resumed.restore_memory(learner.memory())
    for each in (learner, resumed):
        each.update(np.random.default_rng(2))
    assert all(torch.equal(v, dict(resumed.tensors())[k]) for k, v in learner.tensors())


def seen(state: np.ndarray) -> View:
    rows = np.arange(len(state))
    deal = np.broadcast_to(A_DEAL, (len(state), len(DEAL))).copy()
    return View(rows, rows, state.astype(np.float32), deal)


def test_it_takes_the_best_level_and_strays_to_any() -> None:
    settings = Settings(learners=2, levels=5)
    acting = DdqnActing(STATE, settings, Exploration(rate=0.25))
    taught = by_hand([[0, 0, 9, 0, 0], [0, 0, 0, 0, 9]], [[0.0] * 5] * 2)
    acting.take({name: value.numpy() for name, value in taught.acting()})
    vehicle, view = np.arange(4000), seen(np.zeros((4000, STATE)))
    best = np.where(vehicle % 2, 1.0, 0.5)
    assert acting.act(vehicle, view, None).rho.tolist() == best.tolist()
    strayed = acting.act(vehicle, view, np.random.default_rng(0)).rho
    again = acting.act(vehicle, view, np.random.default_rng(0)).rho
    assert strayed.tolist() == again.tolist()
    assert set(strayed.tolist()) == {0.0, 0.25, 0.5, 0.75, 1.0}
    # One in five of those that stray finds the best level by chance.
    assert (strayed != best).mean() == pytest.approx(0.25 * 0.8, abs=0.03)
    acting.take({"exploration": np.array([0.0, 0.0], np.float32)})
    assert acting.act(vehicle, view, np.random.default_rng(0)).rho.tolist() == best.tolist()
    nobody = acting.act(np.zeros(0, np.int64), seen(np.zeros((0, STATE))), None)
    assert nobody.rho.shape == (0,)


@pytest.mark.parametrize(("split", "reward"), [(True, "R3"), (False, "R2")])
def test_it_tells_a_crowded_queue_from_an_empty_one(split: bool, reward: str) -> None:
    """Two states: an empty server, and one with a wait of half a second and a toll."""
    settings = Settings(
        learners=2, split=split, reward=reward, gamma=0.0, learning_rate=3e-3, warm_up=1
    )
    learner = Ddqn(1, settings, seed=1)
    rng = np.random.default_rng(2)
    for _ in range(400):
        learner.improve(toy(learner, rng, lambda cost: 1 / cost if reward == "R3" else -cost))
    both = torch.tensor([[[0.0], [1.0]]] * 2)
    many = torch.from_numpy(np.broadcast_to(A_DEAL, (2, 2, 8)).copy())
    rho = learner.q(both, many).argmax(dim=-1) / 10.0
    assert (rho[:, 0] > 0.3).all()
    assert (rho[:, 1] < 0.2).all()


def toy(learner: Ddqn, rng: np.random.Generator, reward) -> torch.Tensor:
    crowded = (rng.random((2, 64)) < 0.5).astype(np.float32)
    rho = rng.integers(0, 11, (2, 64)).astype(np.float32) / 10.0
    wait, toll = 0.5 * crowded, 0.3 * rho * crowded
    delay = np.maximum((1 - rho) * 0.5, rho * 0.6 + 0.03 + wait)
    cost = np.where(rho > 0.0, 1.5 + (delay - 0.5) / 0.6 - 0.3 * rho, 1.5)
    made = np.zeros((2, 64, learner.columns.width), np.float32)
    made[..., 0], made[..., 1:9], made[..., 9] = crowded, A_DEAL, rho
    made[..., 10] = reward(cost + toll)
    made[..., -9:-1] = 1.0
    return torch.from_numpy(made)
