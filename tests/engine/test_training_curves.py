"""TensorBoard's own reader finds the curves of a training, once each, also after a resume."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from engine.learning.rounds import Round
from engine.learning.trainer import Learnt
from engine.metrics import METRICS
from engine.training.journal import EVERY, Episode, Scalars, Tally

GAUGES = {"learning_rate": 1e-3, "exploration": 0.05}


def a_round(tier: str) -> Round:
    return Round(
        tier=tier, rsu=-1, t_s=1.0, fired="count", version=1, vehicle=(1,), staleness=(0.0,),
        weight=(1.0,), lost=0, sigma_min=0.0, interval_s=5.0, count=10.0, bytes=7, loss=0.0,
    )  # fmt: skip


def a_row(cost: float, tasks: float) -> np.ndarray:
    row = np.full(len(METRICS), np.nan)
    row[METRICS.index("tasks")], row[METRICS.index("cost")] = tasks, cost
    row[METRICS.index("success_rate")] = 0.5
    return row


def an_episode(number: int, trouble: str = "") -> Episode:
    return Episode(
        episode=number, preset="easy", steps=EVERY, vehicles=3, cost=1.5, success_rate=None,
        losses={}, updates=1, merges=0, rounds=0, bytes=0, learning_rate=0.0, exploration=0.0,
        troubles=[trouble] if trouble else [],
    )  # fmt: skip


def write(folder: Path, first: int, steps: int, loss: float, trouble: str = "") -> None:
    with Scalars(folder, first) as scalars:
        for step in range(first, first + steps):
            learnt = Learnt(step, True, {"critic": loss}, (a_round("agents"),))
            scalars.step(step, a_row(cost=float(step), tasks=1.0), [learnt], GAUGES)
        scalars.episode(first + steps, an_episode(first // EVERY, trouble))


def read(folder: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports'
        from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
            EventAccumulator,
        )
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return reader


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(one.step, pytest.approx(one.value)) for one in read(folder).Scalars(name)]


def test_tensorboard_reads_every_curve(tmp_path: Path) -> None:
    write(tmp_path, 0, 2 * EVERY, 0.25, "It went astray.")
    assert curve(tmp_path, "loss/critic") == [(EVERY - 1, 0.25), (2 * EVERY - 1, 0.25)]
    assert curve(tmp_path, "task/cost") == [(9, 4.5), (19, 14.5)]
    assert curve(tmp_path, "federation/merges") == [(9, EVERY), (19, EVERY)]
    assert curve(tmp_path, "federation/bytes") == [(9, 7 * EVERY), (19, 7 * EVERY)]
    assert curve(tmp_path, "schedule/learning_rate") == [(9, 1e-3), (19, 1e-3)]
    assert curve(tmp_path, "schedule/exploration") == [(9, 0.05), (19, 0.05)]
    assert curve(tmp_path, "episode/easy/cost") == [(2 * EVERY, 1.5)]
    tags = read(tmp_path).Tags()
    assert "episode/easy/success_rate" not in tags["scalars"]
    assert any("trouble" in tag for tag in tags["tensors"])


def test_what_was_tried_before_a_resume_is_void(tmp_path: Path) -> None:
    write(tmp_path, 0, EVERY, 1.0)
    write(tmp_path, EVERY, EVERY, 2.0)
    write(tmp_path, EVERY, EVERY, 3.0)  # the second ten again
    assert curve(tmp_path, "loss/critic") == [(9, 1.0), (19, 3.0)]


def test_means_are_over_tasks_and_losses_over_the_steps_that_had_them() -> None:
    tally = Tally()
    tally.add(a_row(1.0, 1.0), [Learnt(0, True, {"critic": 1.0, "cvae": 4.0}, ())], 5)
    tally.add(a_row(4.0, 2.0), [Learnt(1, True, {"critic": 3.0}, (a_round("forecast"),))], 3)
    assert tally.means() == {"cost": 3.0, "success_rate": 0.5}
    assert tally.losses() == {"critic": 2.0, "cvae": 4.0}
    assert (tally.rounds("forecast"), tally.rounds("agents"), tally.bytes) == (1, 0, 7)
    assert tally.vehicles == 5
    assert Tally().means() == {"cost": None, "success_rate": None}
