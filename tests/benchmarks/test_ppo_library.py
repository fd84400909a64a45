"""The core of SFL-PPO beside Stable-Baselines3's PPO on a task that both have never seen.

Pendulum-v1 (Gymnasium), four copies at once. Both have two hidden layers of 64 with ReLU that start
as Stable-Baselines3's do, and the same hyper-parameters; the ranges of the actions differ ([0, 1]
here, [-1, 1] there), so the noise at first is the same share of them. The seeds are learners of one
stack here, and one after the other there. Returns are of the greedy policy over the same episodes.
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
from torch import Tensor, nn

from engine.learning.features import View
from engine.learning.ppo import Ppo, PpoActing, Settings
from engine.learning.rollout import Steps
from engine.models.gaussian import GaussianPolicy
from engine.models.layers import Mlp, generator, stacked
from engine.models.split_head import DEAL

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]
TASK, STATE, EPISODE_STEPS = "Pendulum-v1", 3, 200
SEEDS, EPISODES = 4, 20
COPIES, HORIZON, ROLLOUTS, MINIBATCH = 4, 256, 60, 64
SETTINGS = Settings(
    learners=SEEDS,
    gamma=0.9,
    horizon=HORIZON,
    minibatches=COPIES * HORIZON // MINIBATCH,
    learning_rate=3e-4,
    deviation=0.5,
)
#: By how much the mean return may be below; what an unlucky seed costs either of them is more.
MARGIN = 40.0


class Net(nn.Module):
    """A network of s alone, with the library's orthogonal weights at first, on (0, 1) for actions.

    Args:
        seed: of the weights. gain: of the last layer. centre, scale: of the output.
    """

    def __init__(self, seed: int, gain: float, centre: float, scale: float) -> None:
        super().__init__()
        draw = generator(seed)
        self.net, self.centre, self.scale = Mlp((STATE, 64, 64, 1), draw), centre, scale
        for layer, each in zip(
            self.net.layers, (math.sqrt(2.0), math.sqrt(2.0), gain), strict=True
        ):
            nn.init.orthogonal_(layer.weight, each, draw)
            nn.init.zeros_(layer.bias)

    def forward(self, state: Tensor, deal: Tensor) -> Tensor:
        return self.centre + self.scale * self.net(state)[..., 0]


def networks() -> GaussianPolicy:
    return stacked(
        [
            GaussianPolicy(Net(k, 0.01, 0.5, 0.5), Net(100 + k, 1.0, 0.0, 1.0), SETTINGS.deviation)
            for k in range(SEEDS)
        ]
    )


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


def ours() -> list[float]:
    """Every seed has four vehicles: those of one learner."""
    agents, rng = Ppo(networks(), SETTINGS), np.random.default_rng(0)
    acting = PpoActing(networks(), SETTINGS)
    vehicle = np.arange(SEEDS * COPIES)
    envs = [scaled(0.0) for _ in vehicle]
    state = np.stack([env.reset(seed=k)[0] for k, env in enumerate(envs)])
    time = 0
    for _ in range(ROLLOUTS):
        kept = []
        for _ in range(HORIZON):
            seen = view(state)
            acted = acting.act(vehicle, seen, rng)
            told = [env.step(np.float32([a])) for env, a in zip(envs, acted.rho, strict=True)]
            then = view(np.stack([step[0] for step in told]))
            kept.append(
                Steps(
                    vehicle=vehicle,
                    time=np.full(len(vehicle), time),
                    state=seen.state,
                    deal=seen.deal,
                    action=acted.note[:, 0],
                    log_density=acted.note[:, 1],
                    reward=np.array([step[1] for step in told], np.float32),
                    then=then.state,
                    then_deal=then.deal,
                    goes_on=np.ones(len(vehicle), np.float32),
                )
            )
            state, time = then.state, time + 1
            if told[0][3]:  # out of time, all at once: a gap, not an end
                state, time = np.stack([env.reset()[0] for env in envs]), time + 1
        agents.learn(Steps.together(kept), rng)
        acting.take({name: value.numpy().copy() for name, value in agents.acting()})
    return [
        greedy_return(
            lambda state, k=k: acting.act(vehicle[k : k + 1], view(state[None]), None).rho[0], 0.0
        )
        for k in range(SEEDS)
    ]


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
    reached = {"ours": ours(), "Stable-Baselines3": [theirs(seed) for seed in range(SEEDS)]}
    for name, returns in reached.items():
        each = ", ".join(f"{value:.0f}" for value in returns)
        say(f"{TASK}, {name}: mean return {np.mean(returns):.0f} (seeds {each})")
    mine, library = (float(np.mean(returns)) for returns in reached.values())
    assert mine >= library - MARGIN
