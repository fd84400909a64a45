"""The learning of a comparison's arms: who is trained, by whom, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np

from engine import schemes
from engine.learning.trainer import InlineTrainer, LearningScheme, Learnt, Trainer
from engine.params import Params
from engine.seeds import sequence
from engine.types import Outcome, Scheme

#: Opens a trainer for a scheme, from parameters, seed and policy file.
OpenTrainer = Callable[[str, Params, int, Path | None], Trainer]
#: What a status says of a learner that nobody feeds.
_OFF: Final = "off"


def open_inline(scheme: str, params: Params, seed: int, policy: Path | None) -> InlineTrainer:
    """A trainer that learns where it stands, so that the run is a function of its seed."""
    return InlineTrainer(schemes.build_learner(scheme, params, np.random.default_rng(seed), policy))


class _Lesson:
    """One learned scheme, its trainer once there is one, and its status."""

    def __init__(self, scheme: LearningScheme, policy: str) -> None:
        self.scheme = scheme
        self.trainer: Trainer | None = None
        self.status: dict[str, Any] = {
            "state": _OFF,
            "message": "",
            "policy": policy,
            "learnt": 0,
            "dropped": 0,
        }

    def __getstate__(self) -> dict[str, Any]:
        """All but the trainer: a copy's weights are those in force, and nobody learns for it."""
        return {**self.__dict__, "trainer": None}


class Lessons:
    """Feeds the trainers of learned schemes and hands their weights to the players.

    Args:
        params: at the start. seed: of the comparison.
        open_trainer: where learners live; asked when a scheme is first trained.
        policies: files that schemes start from.
    """

    def __init__(
        self, params: Params, seed: int, open_trainer: OpenTrainer, policies: Mapping[str, Path]
    ) -> None:
        self._params, self._seed = params, seed
        self._open_trainer, self._policies = open_trainer, policies
        self._lessons: dict[str, _Lesson] = {}
        self._learnt: list[tuple[str, Learnt]] = []

    def set_stage(self, on_stage: Mapping[str, Scheme]) -> None:
        """Forget who left, trainer and all; who is new has learnt nothing yet."""
        kept: dict[str, _Lesson] = {}
        for name, scheme in on_stage.items():
            if is_learning(scheme):
                was = self._lessons.get(name)
                same = was is not None and was.scheme is scheme
                kept[name] = was if was and same else _Lesson(scheme, self._policy(name))
        for name, lesson in self._lessons.items():
            if lesson.trainer is not None and kept.get(name) is not lesson:
                lesson.trainer.close()
        self._lessons = kept

    def _policy(self, name: str) -> str:
        file = self._policies.get(name)
        return file.name if file is not None else self._params.start

    def before(self, name: str, params: Params) -> None:
        """Take what is new of this scheme's learner, before the scheme acts."""
        lesson = self._lessons.get(name)
        if lesson is None:
            return
        lesson.scheme.explores = params.train
        if not params.train:
            lesson.status |= {"state": _OFF, "message": ""}
            return
        if lesson.trainer is None:
            seed = sequence(self._seed, f"learner:{name}")
            lesson.trainer = self._open_trainer(
                name, self._params, int(seed.generate_state(1)[0]), self._policies.get(name)
            )
        news = lesson.trainer.poll()
        if news.weights is not None:
            lesson.scheme.take(news.weights)
        self._learnt += [(name, entry) for entry in news.learnt]
        status = lesson.status
        status |= {"state": news.state, "message": news.message}
        status["learnt"] += len(news.learnt)
        status["dropped"] += news.dropped

    def after(self, name: str, params: Params, outcome: Outcome) -> None:
        """Give this scheme's learner the step it acted in."""
        lesson = self._lessons.get(name)
        if lesson is not None and lesson.trainer is not None and params.train:
            lesson.trainer.feed(lesson.scheme.experience(outcome))

    def learnt(self) -> list[tuple[str, Learnt]]:
        """What was learnt since the last call, by scheme."""
        learnt, self._learnt = self._learnt, []
        return learnt

    def status(self) -> dict[str, dict[str, Any]]:
        """State, message, policy, steps learnt from and dropped of each learned scheme."""
        return {name: dict(lesson.status) for name, lesson in self._lessons.items()}

    def close(self) -> None:
        """End all trainers; safe to call twice."""
        for lesson in self._lessons.values():
            if lesson.trainer is not None:
                lesson.trainer.close()


def is_learning(scheme: Scheme) -> TypeGuard[LearningScheme]:
    """Whether it hands out experience and takes weights."""
    return hasattr(scheme, "experience") and hasattr(scheme, "take")
