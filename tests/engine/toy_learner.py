"""A scheme that learns next to nothing, on demand slowly, wrongly or never again.

It is a scheme from outside: `install` writes the package that registers it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from engine.learning.checkpoint import CheckpointError, load_policy
from engine.learning.trainer import Learnt
from engine.types import BY_RULE, Decision

LABEL = "Toy"
INGREDIENTS = "Counts the steps it learnt from."


class ToyLearner:
    """Counts; an experience is `(step, order)` with an order such as `raise`."""

    def __init__(self, generator):
        self.count, self.drawn = 0, int(generator.integers(2**31))

    def learn(self, experience):
        step, order, *_ = experience
        if order == "raise":
            raise ZeroDivisionError("on demand")
        if order == "hang":
            time.sleep(3600)
        while order == "circle":
            pass
        if order == "exit":
            os._exit(3)
        if order.startswith("sleep"):
            time.sleep(float(order.split()[1]))
        self.count += 1
        trouble = "It went astray." if order == "astray" else ""
        losses = {"critic": 1.0 / self.count, "threads": float(os.environ["OMP_NUM_THREADS"])}
        return Learnt(step, True, losses, (), trouble)

    def weights(self):
        return {
            "count": np.array([self.count], np.float32),
            "drawn": np.array([self.drawn], np.float32),
        }

    def state(self):
        return {"count": self.count, "tensors": {"some": np.zeros(3, np.float32)}}

    def restore(self, state):
        if state["tensors"]["some"].shape != (3,):
            raise CheckpointError("It is of another make.")
        self.count = state["count"]


class ToyPlayer:
    """Keeps everything local; the order it hands on is in the environment."""

    sees_truth = False
    explores = False

    def act(self, observation):
        self.seen = observation
        n = len(observation.vehicle)
        return Decision(np.zeros(n), np.full(n, BY_RULE))

    def experience(self, outcome):
        orders = Path(os.environ.get("TOY_ORDERS", "/nowhere"))
        order = orders.read_text() if orders.exists() else ""
        orders.unlink(missing_ok=True)  # an order counts once
        return self.seen.step, order

    def take(self, weights):
        self.weights = weights


def build(params, rng, policy=None):
    return ToyPlayer()


def build_learner(params, rng, policy=None):
    if policy is not None and policy.name == "broken":
        raise CheckpointError(f"{policy} is no policy of IoV Twin.")
    if policy is not None and policy.name == "crash":
        os._exit(4)
    learner = ToyLearner(rng)
    if policy is not None:
        learner.count = int(load_policy(policy)["tensors"]["count"][0])
    return learner


def install(folder):
    """Make `toy` a scheme for processes that have `folder` on their Python path."""
    (folder / "toy_learner.py").write_text(Path(__file__).read_text())
    about = folder / "toy_learner-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-learner\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[iov_twin.schemes]\ntoy = toy_learner\n")
