"""The core of SFL-PPO beside Stable-Baselines3's PPO on a task that both have never seen.

Pendulum-v1 (Gymnasium), four copies at once. Both have two hidden layers of 64 with ReLU and the
same hyper-parameters; the ranges of the actions differ ([0, 1] here, [-1, 1] there), so the noise
at first is the same share of them. Returns are of the greedy policy over the same episodes.
"""

from __future__ import annotations

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers import RescaleAction
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from engine.learning.features import View
from engine.learning.ppo import Ppo, PpoActing, Settings
from engine.learning.rollout import Steps
from engine.models.split_head import DEAL

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]
TASK, EPISODE_STEPS = "Pendulum-v1", 200
SEEDS, EPISODES = (0, 1, 2), 20
COPIES, HORIZON, ROLLOUTS, MINIBATCH = 4, 256, 60, 64
SETTINGS = Settings(
    learners=1,
    gamma=0.9,
    horizon=HORIZON,
    minibatches=COPIES * HORIZON // MINIBATCH,
    learning_rate=1e-3,
    deviation=0.5,
)
#: Mean return by which ours may be below; that of the library varies as much between seeds.
MARGIN = 50.0


def view(state: np.ndarray) -> View:
    rows = np.arange(len(state))
    return View(rows, rows, state.astype(np.float32), np.ones((len(state), len(DEAL)), np.float32))


def scaled(low: float) -> gym.Env:
    return RescaleAction(gym.make(TASK), np.float32(low), np.float32(1.0))


def greedy_return(act, low: float) -> float:
    """Mean over episodes of what `act`, state to action, reaches."""
    env, total = scaled(low), 0.0
    for episode in range(EPISODES):
        state, _ = env.reset(seed=1000 + episode)
        for _ in range(EPISODE_STEPS):
            state, reward, *_ = env.step(np.array([act(state)], np.float32))
            total += float(reward)
    return total / EPISODES


def ours(seed: int) -> float:
    agents, rng = Ppo(3, SETTINGS, seed), np.random.default_rng(seed)
    acting = PpoActing(3, SETTINGS)
    envs, vehicle = [scaled(0.0) for _ in range(COPIES)], np.arange(COPIES)
    state = np.stack([env.reset(seed=seed * 100 + k)[0] for k, env in enumerate(envs)])
    time = 0
    for _ in range(ROLLOUTS):
        kept = []
        acting.take({name: value.numpy().copy() for name, value in agents.acting()})
        for _ in range(HORIZON):
            seen = view(state)
            acted = acting.act(vehicle, seen, rng)
            told = [env.step(np.float32([a])) for env, a in zip(envs, acted.rho, strict=True)]
            then = view(np.stack([step[0] for step in told]))
            kept.append(
                Steps(
                    vehicle=vehicle,
                    time=np.full(COPIES, time),
                    state=seen.state,
                    deal=seen.deal,
                    action=acted.note[:, 0],
                    log_density=acted.note[:, 1],
                    reward=np.array([step[1] for step in told], np.float32),
                    then=then.state,
                    then_deal=then.deal,
                    goes_on=np.array([not step[2] for step in told], np.float32),
                )
            )
            state, time = then.state.astype(np.float64), time + 1
            if any(step[3] for step in told):  # out of time, all at once: a gap, no end
                state, time = np.stack([env.reset()[0] for env in envs]), time + 1
        agents.learn(Steps.together(kept), rng)
    acting.take({name: value.numpy().copy() for name, value in agents.acting()})
    return greedy_return(lambda state: acting.act(vehicle[:1], view(state[None]), None).rho[0], 0.0)


def theirs(seed: int) -> float:
    s = SETTINGS
    model = PPO(
        "MlpPolicy",
        make_vec_env(lambda: scaled(-1.0), n_envs=COPIES, seed=seed),
        learning_rate=s.learning_rate,
        n_steps=HORIZON,
        batch_size=MINIBATCH,
        n_epochs=s.epochs,
        gamma=s.gamma,
        gae_lambda=s.decay,
        clip_range=s.clip,
        ent_coef=s.entropy,
        vf_coef=s.value,
        max_grad_norm=s.max_norm,
        policy_kwargs={
            "net_arch": [64, 64],
            "activation_fn": torch.nn.ReLU,
            "log_std_init": math.log(2.0 * s.deviation),
        },
        seed=seed,
        device="cpu",
    )
    model.learn(ROLLOUTS * HORIZON * COPIES)
    return greedy_return(lambda state: float(model.predict(state, deterministic=True)[0][0]), -1.0)


def test_it_reaches_what_stable_baselines_reaches(say):
    torch.set_num_threads(1)
    reached = {"ours": [ours(s) for s in SEEDS], "Stable-Baselines3": [theirs(s) for s in SEEDS]}
    for name, returns in reached.items():
        each = ", ".join(f"{value:.0f}" for value in returns)
        say(f"{TASK}, {name}: mean return {np.mean(returns):.0f} (seeds {each})")
    mine, library = (float(np.mean(returns)) for returns in reached.values())
    assert mine >= library - MARGIN
