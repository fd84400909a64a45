"""Metrics rows are means over the tasks of a step; summaries weigh steps by their tasks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.metrics import METRICS, row, task_means
from engine.types import Outcome


def outcome(**columns: list[float]) -> Outcome:
    n = len(next(iter(columns.values())))
    zeros = {field.name: np.zeros(n) for field in dataclasses.fields(Outcome)}
    bools = {name: np.zeros(n, bool) for name in ("success", "mandated", "forwarded", "rejected")}
    given = {
        name: np.asarray(values, bool if name in bools else float)
        for name, values in columns.items()
    }
    return Outcome(**{**zeros, **bools, **given})


def test_only_vehicles_with_a_task_count() -> None:
    found = row(
        np.array([True, True, False, True]),
        outcome(
            cost=[1, 2, 99, 3], success=[1, 0, 1, 1], rho=[0, 0.5, 1, 1], forwarded=[0, 1, 1, 0]
        ),
    )
    means = dict(zip(METRICS, found, strict=True))
    assert means["cost"] == 2.0
    assert means["tasks"] == 3
    assert means["success_rate"] == pytest.approx(2 / 3)
    assert means["success_offloaded"] == 0.5
    assert means["rho"] == 0.5
    assert means["forwarded"] == pytest.approx(1 / 3)


def test_without_tasks_there_is_nothing_but_their_count() -> None:
    found = row(np.zeros(2, bool), outcome(cost=[1, 2]))
    assert found[METRICS.index("tasks")] == 0
    assert np.isnan(found).sum() == len(METRICS) - 1


def test_without_offloading_its_success_is_unknown() -> None:
    found = row(np.ones(2, bool), outcome(cost=[1, 2], success=[1, 1]))
    assert np.isnan(found[METRICS.index("success_offloaded")])
    assert np.isnan(found).sum() == 1


def test_a_summary_is_the_mean_per_task_not_per_step() -> None:
    rows = np.full((3, len(METRICS)), np.nan)
    rows[:, METRICS.index("tasks")] = [1, 3, 0]
    rows[:2, METRICS.index("cost")] = [1.0, 2.0]
    means = task_means(rows)
    assert means["cost"] == 1.75
    assert means["tasks"] == 4
    assert means["price"] is None
