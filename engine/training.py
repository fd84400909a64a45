"""Train a learning scheme headless: inline, in a fixed order, a function of its arguments.

Episodes replay recorded traffic, each with tasks and fading of its own; the same seed gives the
same policy bit for bit on one machine, and so does training that was interrupted and resumed.
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
from engine.learning.checkpoint import load_policy, save_policy
from engine.learning.learner import MarlLearner
from engine.learning.player import Player
from engine.learning.trainer import InlineTrainer, Learnt
from engine.metrics import METRICS, task_means
from engine.params import Params
from engine.physics.neighbours import match, nobody
from engine.twins import VehicleTwins
from engine.types import Floats, Mobility
from engine.world import World

#: Steps of an episode, MODEL A2.
EPISODE_STEPS: Final = 200
LOG_FILE: Final = "training.jsonl"
POLICY_FILE: Final = "policy.policy"


@dataclass(frozen=True)
class Episode:
    """What one episode was, a line of the log.

    Attributes:
        episode: counts from 0. cost, success_rate: means per task while exploring.
        critic_loss, actor_loss: means over its updates; None without any.
        merges: aggregations of learners. rounds: of AdFL. rolled_back: weights were, once or more.
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
    player: Player,
    learner: MarlLearner,
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
        player: what acts.
        learner: what learns; it begins with the same policy.
        params: of the episodes in turn, so that one policy meets several loads; the seed in them
            and the episode's number seed the scenes.
        episodes: in all, those before a resume included.
        open_traffic: the mobility of an episode.
        out: folder of checkpoint and log.
        steps: of an episode.
        resume: go on where `out` ended.
        progress: told the steps done and to do after each.

    Raises:
        CheckpointError: what is to be resumed cannot be used.
        MobilityLost: the traffic ended before the episode did.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = _resume(learner, out) if resume else _begin(out)
    rate = learner.options.settings.learning_rate
    trainer = InlineTrainer(learner)
    player.explores = True
    for episode in range(len(done), episodes):

        def each_step(step: int, episode: int = episode) -> None:
            left = 1.0 - (episode * steps + step) / (episodes * steps)
            learner.learners.set_rate(max(rate * left, 1e-6))
            if progress is not None:
                progress(episode * steps + step + 1, episodes * steps)

        traffic = open_traffic(episode)
        try:
            made = _episode(
                player, trainer, params[episode % len(params)], episode, traffic, steps, each_step
            )
        finally:
            traffic.close()
        learner.end_episode()
        done.append(made)
        _write(learner, out, done)
    player.explores = False
    return done


def _episode(
    player: Player,
    trainer: InlineTrainer,
    params: Params,
    episode: int,
    traffic: Mobility,
    steps: int,
    each_step: Callable[[int], None],
) -> Episode:
    seed = int(np.random.SeedSequence([params.seed, episode]).generate_state(1)[0] >> 1)
    params = Params.parse({"seed": seed}, params)
    player.begin_episode(np.random.default_rng(seed))
    player.take(trainer.learner.weights())
    world, twins = World(traffic, params), VehicleTwins()
    arm: Arm | None = None
    rows: list[Floats] = []
    learnt: list[Learnt] = []
    for step in range(steps):
        each_step(step)
        scene = world.step(params)
        helpers = nobody(len(scene.vehicle))
        if params.v2v:
            helpers = match(scene.position_m, scene.has_task, scene.fading_v2v)
        arm = arm or Arm("training", player, scene.rsus)
        stepped = arm.step(scene, params, twins.step(scene, float(params.sync_interval)), helpers)
        rows.append(stepped.row)
        trainer.feed(player.experience(stepped.outcome))
        news = trainer.poll()
        player.take(news.weights or {})
        learnt += news.learnt
    means = task_means(np.array(rows).reshape(-1, len(METRICS)))
    tiers = [each.tier for entry in learnt for each in entry.rounds]
    return Episode(
        episode=episode,
        cost=float(means["cost"] or math.nan),
        success_rate=float(means["success_rate"] or 0.0),
        critic_loss=_mean([e.losses["critic"] for e in learnt if "critic" in e.losses]),
        actor_loss=_mean([e.losses["actor"] for e in learnt if "actor" in e.losses]),
        merges=tiers.count("agents"),
        rounds=tiers.count("forecast"),
        rolled_back=any(entry.trouble for entry in learnt),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _begin(out: Path) -> list[Episode]:
    (out / LOG_FILE).unlink(missing_ok=True)
    return []


def _resume(learner: MarlLearner, out: Path) -> list[Episode]:
    state = load_policy(out / POLICY_FILE)
    learner.restore(state)
    return [Episode(**entry) for entry in state["episodes"]]


def _write(learner: MarlLearner, out: Path, done: Sequence[Episode]) -> None:
    state: dict[str, Any] = {**learner.state(), "episodes": [asdict(e) for e in done]}
    save_policy(out / POLICY_FILE, state)
    lines = "".join(json.dumps(asdict(e)) + "\n" for e in done)
    (out / LOG_FILE).write_text(lines, encoding="utf-8")
