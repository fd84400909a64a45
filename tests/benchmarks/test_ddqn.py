"""Our double DQN beside Stable-Baselines3's DQN on CartPole: what as many steps teach either."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
import torch

from engine.learning.ddqn import Ddqn, DdqnActing, Settings
from engine.learning.exploration import Exploration
from engine.learning.features import View
from engine.models.actor_critic import HIDDEN
from engine.models.split_head import DEAL

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

TASK = "CartPole-v1"
STEPS = 30_000
SEEDS = (0, 1, 2)
EPISODES = 20
#: Both learn as RL Baselines3 Zoo has it for CartPole, but for networks of our size: steps before
#: the first update, between two bouts of updates, and updates in each. Their target is copied
#: every ten steps, which is once a bout.
FIRST, EVERY, UPDATES = 1000, 256, 128
RATE, EXPLORING, LAST = 2.3e-3, 0.16, 0.04
SETTINGS = Settings(
    split=False, levels=2, learners=1, gamma=0.99, learning_rate=RATE, batch=64, capacity=100_000,
    updates=UPDATES, warm_up=FIRST, target_every=UPDATES,
)  # fmt: skip
NOBODY = np.zeros(1, np.int64)
NO_DEAL = np.ones(len(DEAL), np.float32)


def a_view(state: np.ndarray) -> View:
    return View(NOBODY, NOBODY, state[None].astype(np.float32), NO_DEAL[None])


def ours(seed: int) -> float:
    """Mean return of the greedy policy after `STEPS`."""
    task, rng = gymnasium.make(TASK), np.random.default_rng(seed)
    width = task.observation_space.shape[0]
    agents = Ddqn(width, SETTINGS, seed)
    acting = DdqnActing(width, SETTINGS, Exploration(rate=1.0))
    acting.take({name: value.numpy() for name, value in agents.acting()})
    state, _ = task.reset(seed=seed)
    for step in range(STEPS):
        rate = max(LAST, 1.0 + (LAST - 1.0) * step / (EXPLORING * STEPS))
        acting.take({"exploration": np.array([rate, 0.0], np.float32)})
        rho = acting.act(NOBODY, a_view(state), rng).rho
        then, reward, ended, cut, _ = task.step(int(rho[0]))
        row = np.concatenate([state, NO_DEAL, rho, [reward], then, NO_DEAL, [not ended]])
        agents.transitions.replay.add(NOBODY, row[None].astype(np.float32))
        state = task.reset()[0] if ended or cut else then
        if step % EVERY == 0 and agents.update(rng):
            acting.take({name: value.numpy() for name, value in agents.acting()})
    return score(lambda seen: int(acting.act(NOBODY, a_view(seen), None).rho[0]))


def theirs(seed: int) -> float:
    """The same by Stable-Baselines3."""
    from stable_baselines3 import DQN  # noqa: PLC0415  it takes seconds to load

    model = DQN(
        "MlpPolicy", gymnasium.make(TASK), learning_rate=RATE, buffer_size=SETTINGS.capacity,
        learning_starts=FIRST, batch_size=SETTINGS.batch, gamma=SETTINGS.gamma, train_freq=EVERY,
        gradient_steps=UPDATES, target_update_interval=10, exploration_fraction=EXPLORING,
        exploration_final_eps=LAST, policy_kwargs={"net_arch": [HIDDEN, HIDDEN]}, seed=seed,
        device="cpu",
    )  # fmt: skip
    model.learn(STEPS)
    return score(lambda seen: int(model.predict(seen, deterministic=True)[0]))


def score(policy: Callable[[np.ndarray], int]) -> float:
    """Mean return over the same starts for all."""
    task, returns = gymnasium.make(TASK), []
    for episode in range(EPISODES):
        state, _ = task.reset(seed=10_000 + episode)
        total, ended, cut = 0.0, False, False
        while not (ended or cut):
            state, reward, ended, cut, _ = task.step(policy(state))
            total += float(reward)
        returns.append(total)
    return float(np.mean(returns))


def test_it_learns_cartpole_as_well_as_stable_baselines3(say) -> None:
    torch.set_num_threads(1)
    mine, others = [ours(seed) for seed in SEEDS], [theirs(seed) for seed in SEEDS]
    say(f"return after {STEPS} steps, of 500: ours {mine}, Stable-Baselines3 {others}")
    assert np.median(mine) >= 0.9 * np.median(others)
    assert np.median(mine) > 150.0
