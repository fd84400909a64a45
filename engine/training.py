"""Train a learning scheme headless: inline, in a fixed order, a function of its arguments.

Episodes replay recorded traffic, each with tasks and fading of its own; the same seed gives the
same policy bit for bit on one machine. Losses that are no numbers roll back to the last good ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.environment import Arm
from engine.learning.agent import Agent, Progress
from engine.learning.checkpoint import load_policy, save_policy
from engine.metrics import METRICS, task_means
from engine.params import Params
from engine.physics.neighbours import match, nobody
from engine.twins import VehicleTwins
from engine.types import Mobility
from engine.world import World

#: Steps of an episode, MODEL A2.
EPISODE_STEPS: Final = 200
LOG_FILE: Final = "training.jsonl"
POLICY_FILE: Final = "policy.policy"
#: Loss beyond which learning is taken to have exploded.
_EXPLODED: Final = 1e6


@dataclass(frozen=True)
class Episode:
    """What one episode was, a line of the log.

    Attributes:
        episode: counts from 0. cost, success_rate: means per task while exploring.
        critic_loss, actor_loss: means over its updates; None without any.
        merges: aggregations of learners. rounds: of AdFL. rolled_back: its weights were dropped.
    """

    episode: int
    cost: float
    success_rate: float
    critic_loss: float | None
    actor_loss: float | None
    merges: int
    rounds: int
    rolled_back: bool


def train(
    agent: Agent,
    params: Sequence[Params],
    episodes: int,
    open_traffic: Callable[[int], Mobility],
    out: Path,
    *,
    steps: int = EPISODE_STEPS,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Episode]:
    """Train and keep a checkpoint after every episode.

    Args:
        agent: what learns.
        params: of the episodes in turn, so that one policy meets several loads; the seed in them
            and the episode's number seed the scenes.
        episodes: in all, those before a resume included.
        open_traffic: the mobility of an episode.
        out: folder of checkpoint and log.
        steps: of an episode.
        resume: go on where `out` ended; its replay is not kept, so learning warms up again.
        progress: told the steps done and to do after each.

    Raises:
        CheckpointError: what is to be resumed cannot be used.
        MobilityLost: the traffic ended before the episode did.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = _resume(agent, out) if resume else _begin(out)
    rate = agent.options.settings.learning_rate
    agent.learning = True
    for episode in range(len(done), episodes):
        good = agent.state()

        def each_step(step: int, episode: int = episode) -> None:
            left = 1.0 - (episode * steps + step) / (episodes * steps)
            agent.learners.set_rate(max(rate * left, 1e-6))
            if progress is not None:
                progress(episode * steps + step + 1, episodes * steps)

        traffic = open_traffic(episode)
        try:
            made = _episode(
                agent, params[episode % len(params)], episode, traffic, steps, each_step
            )
        finally:
            traffic.close()
        if made.rolled_back:
            agent.restore(good)
        agent.end_episode()
        done.append(made)
        _write(agent, out, done)
    agent.learning = False
    return done


def _episode(
    agent: Agent,
    params: Params,
    episode: int,
    traffic: Mobility,
    steps: int,
    each_step: Callable[[int], None],
) -> Episode:
    seed = int(np.random.SeedSequence([params.seed, episode]).generate_state(1)[0] >> 1)
    params = Params.parse({"seed": seed}, params)
    world, twins = World(traffic, params), VehicleTwins()
    arm: Arm | None = None
    rows, learnt, merges, rounds = [], [], 0, 0
    exploded = False
    for step in range(steps):
        each_step(step)
        scene = world.step(params)
        helpers = nobody(len(scene.vehicle))
        if params.v2v:
            helpers = match(scene.position_m, scene.has_task, scene.fading_v2v)
        arm = arm or Arm("training", agent, scene.rsus)
        stepped = arm.step(scene, params, twins.step(scene, float(params.sync_interval)), helpers)
        rows.append(stepped.row)
        learnt.append(agent.learn(stepped.outcome))
        merges += len(agent.merges)
        rounds += len(agent.adfl.take_rounds()) if agent.adfl is not None else 0
        exploded = exploded or _is_exploded(learnt[-1])
        if exploded:
            break
    means = task_means(np.array(rows).reshape(-1, len(METRICS)))
    return Episode(
        episode=episode,
        cost=float(means["cost"] or math.nan),
        success_rate=float(means["success_rate"] or 0.0),
        critic_loss=_mean([p.critic_loss for p in learnt]),
        actor_loss=_mean([p.actor_loss for p in learnt]),
        merges=merges,
        rounds=rounds,
        rolled_back=exploded,
    )


def _is_exploded(progress: Progress) -> bool:
    if not progress.updated:
        return False
    losses = (progress.critic_loss, progress.actor_loss)
    return not all(math.isfinite(loss) and abs(loss) < _EXPLODED for loss in losses)


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else None


def _begin(out: Path) -> list[Episode]:
    (out / LOG_FILE).unlink(missing_ok=True)
    return []


def _resume(agent: Agent, out: Path) -> list[Episode]:
    state = load_policy(out / POLICY_FILE)
    agent.restore(state)
    done = [Episode(**entry) for entry in state["episodes"]]
    for _ in done:
        agent.exploration = agent.exploration.after_episode()
    return done


def _write(agent: Agent, out: Path, done: Sequence[Episode]) -> None:
    state: dict[str, Any] = {**agent.state(), "episodes": [asdict(e) for e in done]}
    save_policy(out / POLICY_FILE, state)
    lines = "".join(json.dumps(asdict(e)) + "\n" for e in done)
    (out / LOG_FILE).write_text(lines, encoding="utf-8")
