"""Train a learned scheme inline, in a fixed order: a function of its plan.

Every episode starts from the state that the one before it left on disk, with a player of its own.
So a training that was interrupted and resumed is, bit for bit, one that never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from engine import schemes
from engine.environment import Arm
from engine.learning.checkpoint import save_policy
from engine.learning.trainer import InlineTrainer, Learner, LearningScheme, Learnt
from engine.manifest import checksum
from engine.params import Params
from engine.physics.neighbours import match, nobody
from engine.seeds import generator
from engine.training.files import Files
from engine.training.journal import Episode, Scalars, Tally
from engine.training.traffic import Traffic
from engine.twins import VehicleTwins
from engine.types import Floats, Scene
from engine.world import World


class Watcher(Protocol):
    """Is told how a training goes on."""

    def step(self, episode: int, step: int) -> None:
        """A step of an episode was done; both count from 0."""
        ...

    def episode(self, made: Episode) -> None:
        """An episode was done, and is kept."""
        ...


@runtime_checkable
class Student(Learner, Protocol):
    """A learner that can be trained in episodes."""

    def set_rate(self, share: float) -> None:
        """Learning rates from now on, as a share of those it began with."""
        ...

    def gauges(self) -> Mapping[str, float]:
        """What steers it now: `learning_rate` and `exploration`."""
        ...

    def end_episode(self) -> None:
        """Another scene follows: nothing of it follows from what was last."""
        ...

    def shipped(self) -> dict[str, Any]:
        """What is needed to act by what it learnt, and no more, for a policy file."""
        ...


@dataclass(frozen=True)
class Plan:
    """What determines a training, but for its length.

    Attributes:
        scheme: its name. presets: names of the loads. loads: their parameters.
        steps: of an episode. seed: of everything random. traffic: of the episodes.
        start: policy to begin with, None for untrained networks.
    """

    scheme: str
    presets: tuple[str, ...]
    loads: tuple[Params, ...]
    steps: int
    seed: int
    traffic: Traffic
    start: Path | None = None

    def as_json(self) -> dict[str, Any]:
        """What a state must have been made by to be resumed."""
        return {
            "scheme": self.scheme,
            "seed": self.seed,
            "episode steps": self.steps,
            "presets": list(self.presets),
            "parameters": [load.as_json() for load in self.loads],
            "traffic": self.traffic.about(),
            "start": self._start(),
        }

    def _start(self) -> dict[str, str] | None:
        if self.start is None:
            return None
        return {"name": self.start.name, "sha256": checksum(self.start)}


def train(
    plan: Plan,
    learner: Student,
    episodes: int,
    files: Files,
    about: Mapping[str, Any],
    watcher: Watcher,
    *,
    resume: bool = False,
) -> list[Episode]:
    """Train until there were so many episodes; state and policy are written after each.

    Args:
        plan: of the training.
        learner: as `open_student` gives it.
        episodes: in all, those before a resume included; learning rates fall to zero over them.
        files: where it is kept.
        about: provenance, for the policy.
        watcher: told of every step and episode.
        resume: go on where `files` end.

    Raises:
        CheckpointError: what is to be resumed cannot be.
        MobilityLost: traffic ended before the episode did.
        OSError: files cannot be written.
    """
    key = plan.as_json()
    done: list[Episode] = []
    if resume:
        state, told = files.load(key)
        learner.restore(state)
        done = [Episode(**one) for one in told]
    else:
        files.begin()
    _save(learner, key, files, done, about)
    with Scalars(files.folder, len(done) * plan.steps) as scalars:
        for episode in range(len(done), episodes):
            learner.restore(files.load(key)[0])
            made = _Session(plan, learner, episode, files.state).run(episodes, scalars, watcher)
            learner.end_episode()
            done.append(made)
            _save(learner, key, files, done, about)
            scalars.episode((episode + 1) * plan.steps, made)
            watcher.episode(made)
    return done


def open_student(plan: Plan) -> Student:
    """The learner as it begins.

    Raises:
        ValueError: the scheme does not learn in episodes, or the start is no policy for it.
    """
    module = schemes.load(plan.scheme)
    if schemes.learns(module):
        rng = generator(plan.seed, "learner")
        learner = module.build_learner(plan.loads[0], rng, plan.start)
        if isinstance(learner, Student):
            return learner
    raise ValueError(f"The scheme {plan.scheme} does not learn: there is nothing to train.")


def _open_player(plan: Plan, episode: int, state: Path) -> LearningScheme:
    """The player of an episode, with a generator of its own; a state is a policy, too."""
    module = cast(schemes.LearnedModule, schemes.load(plan.scheme))
    player = module.build(plan.loads[0], generator(plan.seed, f"player {episode}"), state)
    player.explores = True
    return player


def _save(
    learner: Student,
    key: Mapping[str, Any],
    files: Files,
    done: Sequence[Episode],
    about: Mapping[str, Any],
) -> None:
    files.save(learner.state(), key, [one.as_json() for one in done])
    if done:
        made = {**about, "episodes": len(done), "last": done[-1].as_json()}
        save_policy(files.policy, {**learner.shipped(), "made": made})


class _Session:
    """One episode: its traffic, its scenes, and a player that begins with the learner's weights."""

    def __init__(self, plan: Plan, learner: Student, episode: int, state: Path) -> None:
        lap, self._load = episode // len(plan.loads), episode % len(plan.loads)
        seed = np.random.SeedSequence([plan.seed, episode]).generate_state(1)[0] >> 1
        self._plan, self._learner, self._episode = plan, learner, episode
        self._params = Params.parse({"seed": int(seed)}, plan.loads[self._load])
        self._player = _open_player(plan, episode, state)
        self._player.take(learner.weights())
        self._trainer = InlineTrainer(learner)
        self._twins = VehicleTwins()
        self._arm: Arm | None = None
        self._traffic = plan.traffic.open(self._load, lap, self._params)

    def run(self, episodes: int, scalars: Scalars, watcher: Watcher) -> Episode:
        """Step through it; the rate falls from one at the first episode's begin to zero."""
        tally, steps = Tally(), self._plan.steps
        world = World(self._traffic, self._params)
        try:
            for step in range(steps):
                done = self._episode * steps + step
                self._learner.set_rate(1.0 - done / (episodes * steps))
                scene = world.step(self._params)
                row, learnt = self._step(scene)
                tally.add(row, learnt, len(scene.vehicle))
                scalars.step(done, row, learnt, self._learner.gauges())
                watcher.step(self._episode, step)
        finally:
            self._traffic.close()
        return self._made(tally)

    def _step(self, scene: Scene) -> tuple[Floats, tuple[Learnt, ...]]:
        params = self._params
        helpers = nobody(len(scene.vehicle))
        if params.v2v:
            helpers = match(scene.position_m, scene.has_task, scene.fading_v2v)
        self._arm = self._arm or Arm(self._plan.scheme, self._player, scene.rsus)
        sight = self._twins.step(scene, float(params.sync_interval))
        stepped = self._arm.step(scene, params, sight, helpers)
        self._trainer.feed(self._player.experience(stepped.outcome))
        news = self._trainer.poll()
        if news.weights is not None:
            self._player.take(news.weights)
        return stepped.row, news.learnt

    def _made(self, tally: Tally) -> Episode:
        gauges = self._learner.gauges()
        return Episode(
            episode=self._episode,
            preset=self._plan.presets[self._load],
            steps=self._plan.steps,
            vehicles=tally.vehicles,
            **tally.means(),
            losses=tally.losses(),
            updates=sum(one.updated for one in tally.learnt),
            merges=tally.rounds("agents"),
            rounds=tally.rounds("forecast"),
            bytes=tally.bytes,
            learning_rate=gauges["learning_rate"],
            exploration=gauges["exploration"],
            troubles=[one.trouble for one in tally.learnt if one.trouble],
        )
