"""MADDPG's core on tasks from outside, against a library and against itself without neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.learning.joint import CROWD, Columns
from engine.learning.maddpg import Maddpg, Settings
from engine.learning.replay import Replay
from engine.models.actor_critic import Actor, Critic
from engine.models.layers import Mlp, generator

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore"),
]
Say = Callable[[str], None]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# ---- One agent: Pendulum-v1, beside Stable-Baselines3's DDPG ----

SEEDS, STEPS, RANDOM_STEPS, EPISODES, NOISE = 4, 6000, 400, 10, 0.2
DDPG = Settings(
    learners=SEEDS, neighbours=0, gamma=0.98, learning_rate=1e-3, actor_rate=1e-3,
    soft_update=0.01, strain=0.0, batch=64, capacity=10_000,
)  # fmt: skip
#: Of the 1 000 between chance and a pendulum held upright.
PENDULUM_SLACK = 100.0


def test_without_neighbours_it_is_as_good_as_a_librarys_ddpg(say: Say) -> None:
    gym = pytest.importorskip("gymnasium")
    library = pytest.importorskip("stable_baselines3")
    began = time.process_time()
    ours = pendulum_ours(gym)
    took = time.process_time() - began
    began = time.process_time()
    theirs = np.array([pendulum_theirs(gym, library, seed) for seed in range(SEEDS)])
    spent = time.process_time() - began
    say(
        f"Pendulum-v1, {STEPS} steps, {SEEDS} seeds, mean return of {EPISODES} episodes: "
        f"ours {ours.mean():.0f} ({told(ours)}; {took:.0f} s CPU), Stable-Baselines3 "
        f"{library.__version__} {theirs.mean():.0f} ({told(theirs)}; {spent:.0f} s CPU)"
    )
    assert np.median(ours) > -400.0, "held upright"
    assert ours.mean() > theirs.mean() - PENDULUM_SLACK


def pendulum_ours(gym) -> np.ndarray:
    """Returns after training, one learner a seed, all in one stack, (SEEDS,)."""
    columns = Columns(state=3, deal=0, personal=(), neighbours=0, ahead=True)
    draws = [generator(seed) for seed in range(SEEDS)]
    actors = [Actor(3, draw, split=False) for draw in draws]
    core = Maddpg(actors, [Critic(3, draw, split=False) for draw in draws], columns, DDPG)
    replay, rng = Replay(SEEDS, DDPG.capacity, columns.width), np.random.default_rng(0)
    envs = [gym.make("Pendulum-v1") for _ in range(SEEDS)]
    state = np.stack([env.reset(seed=seed)[0] for seed, env in enumerate(envs)])
    goes_on = np.ones((SEEDS, 1))  # the task is cut off, it does not end
    for step in range(STEPS):
        chance = rng.random(SEEDS)
        noisy = greedy(core, state) + 0.5 * NOISE * rng.standard_normal(SEEDS)
        action = chance if step < RANDOM_STEPS else noisy.clip(0.0, 1.0)
        then, earned, over = swung(envs, action)
        row = [state, action[:, None], earned[:, None], then, goes_on]
        replay.add(np.arange(SEEDS), np.concatenate(row, axis=1).astype(np.float32))
        state = np.stack([env.reset()[0] for env in envs]) if over else then
        if step >= RANDOM_STEPS:
            core.improve(torch.from_numpy(replay.sample(DDPG.batch, rng)))
    earned = np.zeros(SEEDS)
    for episode in range(EPISODES):
        state, over = np.stack([env.reset(seed=100 + episode)[0] for env in envs]), False
        while not over:
            state, now, over = swung(envs, greedy(core, state))
            earned += now / EPISODES
    return earned


def swung(envs: list, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """One step of each: states, rewards, whether the episodes, of equal length, are over."""
    came = [
        env.step(np.array([4.0 * a - 2.0], np.float32)) for env, a in zip(envs, action, strict=True)
    ]
    return np.stack([one[0] for one in came]), np.array([one[1] for one in came]), came[0][3]


def pendulum_theirs(gym, library, seed: int) -> float:
    """The return after training by the same hyper-parameters."""
    noise = library.common.noise.NormalActionNoise(np.zeros(1), np.full(1, NOISE))
    model = library.DDPG(
        "MlpPolicy", gym.make("Pendulum-v1"), learning_rate=DDPG.learning_rate,
        buffer_size=DDPG.capacity, learning_starts=RANDOM_STEPS, batch_size=DDPG.batch,
        tau=DDPG.soft_update, gamma=DDPG.gamma, train_freq=1, gradient_steps=1,
        action_noise=noise, policy_kwargs={"net_arch": [64, 64]}, seed=seed, device="cpu",
    )  # fmt: skip
    model.learn(STEPS)
    env, earned = gym.make("Pendulum-v1"), 0.0
    for episode in range(EPISODES):
        state, over = env.reset(seed=100 + episode)[0], False
        while not over:
            state, now, _, over, _ = env.step(model.predict(state, deterministic=True)[0])
            earned += now / EPISODES
    return earned


def greedy(core: Maddpg, state: np.ndarray) -> np.ndarray:
    """What each learner's actor does in its own state, (G,) or (G, A)."""
    rows = torch.from_numpy(state.astype(np.float32))[:, None]
    with torch.no_grad():
        return core.actor(rows, rows[..., :0])[:, 0].double().numpy()


def told(values: np.ndarray) -> str:
    return " ".join(f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}" for value in values)


# ---- Two agents: one says what only it knows, the other moves ----

PAIRS, TRAINED, JUDGED, LONG = 4, 800, 60, 25
UPDATES = 5
SPEAKER = Settings(
    learners=2 * PAIRS, gamma=0.95, learning_rate=3e-3, actor_rate=3e-3, batch=256, capacity=20_000
)
SPEAKER_SLACK = 1.0
WARM = 1000


def test_a_critic_that_sees_the_other_is_no_worse_than_one_that_does_not(say: Say) -> None:
    task = pytest.importorskip("mpe2.simple_speaker_listener_v4")
    began = time.process_time()
    alone, central = (Speaking(task, neighbours).returns() for neighbours in (0, 1))
    say(
        f"simple_speaker_listener_v4, {TRAINED} episodes, {PAIRS} pairs, mean return of {JUDGED}: "
        f"centralised critics {central.mean():.2f} ({told(central)}), independent ones "
        f"{alone.mean():.2f} ({told(alone)}); {time.process_time() - began:.0f} s CPU"
    )
    assert central.mean() > alone.mean() - SPEAKER_SLACK


class Many(nn.Module):
    """An actor of several actions in [0, 1]."""

    def __init__(self, state: int, actions: int, draw: torch.Generator) -> None:
        super().__init__()
        self.net = Mlp((state, 64, 64, actions), draw)
        with torch.no_grad():
            self.net.layers[-1].weight.mul_(0.1)

    def forward(self, state: Tensor, deal: Tensor) -> Tensor:
        return 0.5 * (1.0 + torch.tanh(self.net(state)))

    def strain(self, state: Tensor) -> Tensor:
        return (self.net(state) ** 2).mean(dim=(-1, -2))


class Value(nn.Module):
    """A critic of several actions."""

    def __init__(self, seen: int, actions: int, draw: torch.Generator) -> None:
        super().__init__()
        self.net = Mlp((seen + actions, 64, 64, 1), draw)

    def forward(self, seen: Tensor, action: Tensor, deal: Tensor) -> Tensor:
        return self.net(torch.cat([seen, action], dim=-1))[..., 0]


class Speaking:
    """Pairs of agents, each pair in a world of its own; learners 2 i and 2 i + 1 are pair i."""

    def __init__(self, task, neighbours: int) -> None:
        self.envs = [
            task.parallel_env(continuous_actions=True, max_cycles=LONG) for _ in range(PAIRS)
        ]
        first = self.envs[0]
        first.reset(seed=0)
        self.names = first.possible_agents
        self.widths = [first.action_space(name).shape[0] for name in self.names]
        self.wide = max(first.observation_space(name).shape[0] for name in self.names)
        self.columns = Columns(
            state=self.wide, deal=0, personal=tuple(range(self.wide)), neighbours=neighbours,
            ahead=True, actions=max(self.widths),
        )  # fmt: skip
        self.count = 2 * PAIRS
        self.other = np.arange(self.count) ^ 1
        draws = [generator(seed) for seed in range(self.count)]
        shape = self.columns.actions
        self.core = Maddpg(
            [Many(self.wide, shape, draw) for draw in draws],
            [Value(self.wide + self.columns.others, shape, draw) for draw in draws],
            self.columns,
            SPEAKER,
        )
        self.replay = Replay(self.count, SPEAKER.capacity, self.columns.width)
        self.rng = np.random.default_rng(0)

    def returns(self) -> np.ndarray:
        """Of each pair after training, (PAIRS,)."""
        for episode in range(TRAINED):
            self.play(episode, noise=0.2 * max(0.25, 1.0 - episode / TRAINED))
            for _ in range(UPDATES if LONG * episode > WARM else 0):
                rows = self.replay.sample(SPEAKER.batch, self.rng)
                self.core.improve(torch.from_numpy(rows))
        earned = np.mean([self.play(10**8 + e, noise=0.0) for e in range(JUDGED)], axis=0)
        return earned.reshape(PAIRS, 2).mean(axis=1)

    def play(self, seed: int, noise: float) -> np.ndarray:
        """An episode of every pair, remembered where there is noise; returns, (2 PAIRS,)."""
        resets = [env.reset(seed=seed + 1_000_003 * i)[0] for i, env in enumerate(self.envs)]
        state, total = self.padded(resets), np.zeros(self.count)
        for _ in range(LONG):
            action = greedy(self.core, state)
            action = (action + noise * self.rng.standard_normal(action.shape)).clip(0.0, 1.0)
            came = [env.step(self.split(action, i)) for i, env in enumerate(self.envs)]
            then = self.padded([one[0] for one in came])
            earned = np.array([one[1][name] for one in came for name in self.names])
            total += earned
            if noise:
                self.remember(state, action, earned, then)
            state = then
        return total

    def remember(
        self, state: np.ndarray, action: np.ndarray, earned: np.ndarray, then: np.ndarray
    ) -> None:
        row = [state, action, earned[:, None], then, np.ones((self.count, 1))]
        if self.columns.neighbours:
            crowd, here = np.full((self.count, 1), 1.0 / CROWD), np.ones((self.count, 1))
            row[3:3] = [state[self.other], action[self.other], here, crowd]
            row[-1:-1] = [then[self.other], self.other[:, None] + 1.0, crowd]
        self.replay.add(np.arange(self.count), np.concatenate(row, axis=1).astype(np.float32))

    def padded(self, seen: list[dict]) -> np.ndarray:
        """All agents' observations in one width, (2 PAIRS, wide)."""
        rows = np.zeros((self.count, self.wide))
        for i, one in enumerate(seen):
            for j, name in enumerate(self.names):
                rows[2 * i + j, : len(one[name])] = one[name]
        return rows

    def split(self, action: np.ndarray, pair: int) -> dict[str, np.ndarray]:
        mine = action[2 * pair : 2 * pair + 2].astype(np.float32)
        return {n: a[:w] for n, a, w in zip(self.names, mine, self.widths, strict=True)}
