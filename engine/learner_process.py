"""`python -m engine.learner_process`: a learner in a process of its own, on behalf of an engine.

The engine starts it with its own process id and the number of a socket, see `engine.worker`. The
first message over it is a `Job`, all others are experiences; every one of them is answered.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from engine.handover import GoneError, Handover, Job, Report
from engine.parent import die_with

if TYPE_CHECKING:
    from engine.learning.trainer import Learner

logger = logging.getLogger("engine.learner")

#: Shortest time between two handings over of weights, and between two checkpoints, seconds.
WEIGHTS_S: Final = 1.0
CHECKPOINT_S: Final = 10.0
#: The engine's steps come first.
_NICE: Final = 5


class Session:
    """A learner at work on a job."""

    def __init__(self, link: Handover, job: Job) -> None:
        self._link, self._job = link, job
        self._learner, self._warning = _learner(job)
        self._weights_at = self._checkpoint_at = time.monotonic()

    def ready(self) -> None:
        """Tell the engine, with the weights to begin with."""
        self._link.send(Report(weights=self._learner.weights(), warning=self._warning))

    def learn(self, experience: Any) -> None:
        """Learn from it and answer, then keep a checkpoint if it is time."""
        learnt = self._learner.learn(experience)
        now, weights = time.monotonic(), None
        if learnt.trouble or now >= self._weights_at + WEIGHTS_S:
            self._weights_at, weights = now, self._learner.weights()
        self._link.send(Report(learnt, weights or None, self._warning))
        if learnt.trouble or now >= self._checkpoint_at + CHECKPOINT_S:
            self._keep()
            self._checkpoint_at = time.monotonic()

    def _keep(self) -> None:
        from engine.learning.checkpoint import CheckpointError, save_policy  # noqa: PLC0415

        try:
            save_policy(self._job.checkpoint, self._learner.state())
            self._warning = ""
        except (CheckpointError, OSError) as error:
            self._warning = f"No checkpoint of the learner can be kept ({error})."
            logger.warning("%s", self._warning)


def main(arguments: list[str]) -> int:
    """Learn until the engine ends; returns the exit status."""
    parent, end = (int(word) for word in arguments)
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to handle
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    link = Handover(socket.socket(fileno=end))
    try:
        return _work(link)
    except GoneError:
        return 0


def _work(link: Handover) -> int:
    job: Job = link.receive()
    try:
        session = Session(link, job)
        session.ready()
    except ValueError as error:  # a policy that cannot be used, and its like
        link.send(Report(ended=str(error), hopeless=True))
        return 2
    while True:
        experience = link.receive()
        try:
            session.learn(experience)
        except GoneError:
            raise
        except Exception as error:
            logger.exception("learning failed")
            link.send(Report(ended=f"The learner failed ({type(error).__name__}: see the log)."))
            return 1


def _learner(job: Job) -> tuple[Learner, str]:
    """The learner of a job, and what went wrong in finding its checkpoint, if anything."""
    import numpy as np  # noqa: PLC0415  the death of the engine is watched before imports begin

    from engine import schemes  # noqa: PLC0415
    from engine.learning.checkpoint import CheckpointError, load_policy  # noqa: PLC0415

    rng = np.random.default_rng(job.seed)
    learner = schemes.build_learner(job.scheme, job.params, rng, job.policy)
    if not job.checkpoint.exists():
        return learner, ""
    try:
        learner.restore(load_policy(job.checkpoint))
    except CheckpointError as error:
        return learner, f"Learning begins anew, its checkpoint cannot be used: {error}"
    return learner, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
