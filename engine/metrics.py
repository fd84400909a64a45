"""The numbers kept of each step and scheme: their names, and how they follow from an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.types import Bools, Floats, Outcome

#: Columns of every metrics row, in this order: means over the tasks of one step under one scheme;
#: `tasks` counts them, `rejected` and `forwarded` are fractions of them, `success_offloaded` is
#: over tasks with rho > 0. All but `tasks` are NaN where there is nothing to average.
METRICS: Final = (
    "cost",
    "success_rate",
    "success_offloaded",
    "delay_s",
    "energy_j",
    "price",
    "tasks",
    "rho",
    "wait_s",
    "rejected",
    "forwarded",
    "toll",
)
TASKS: Final = METRICS.index("tasks")
RHO: Final = METRICS.index("rho")
SUCCESS_OFFLOADED: Final = METRICS.index("success_offloaded")
#: Metrics that are means over all tasks, and the fields of an outcome they are means of.
_AVERAGED: Final = {
    "cost": "cost",
    "success_rate": "success",
    "delay_s": "delay_s",
    "energy_j": "energy_j",
    "price": "price",
    "rho": "rho",
    "wait_s": "wait_s",
    "rejected": "rejected",
    "forwarded": "forwarded",
    "toll": "toll",
}
_AVERAGED_AT: Final = np.array([METRICS.index(name) for name in _AVERAGED])


def rows(tasks: Mapping[str, NDArray[Any]]) -> Floats:
    """Rows in the order of `METRICS`, one for each arm.

    Args:
        tasks: what became of the step's tasks, fields of an outcome by name, (arms, k) each.

    Returns:
        (arms, len(METRICS)) float64; all NaN but `tasks` = 0 in a step without tasks.
    """
    arms, count = tasks["rho"].shape
    values = np.full((arms, len(METRICS)), np.nan)
    values[:, TASKS] = count
    if count == 0:
        return values
    # One array and one mean: ten small ones for each arm take many times as long.
    columns = np.array([tasks[name] for name in _AVERAGED.values()], np.float64)
    values[:, _AVERAGED_AT] = columns.mean(axis=-1).T
    sent = tasks["rho"] > 0.0
    count_sent = sent.sum(axis=-1)
    some = count_sent > 0
    made = (sent & tasks["success"]).sum(axis=-1)
    values[some, SUCCESS_OFFLOADED] = made[some] / count_sent[some]
    return values


def row(has_task: Bools, outcome: Outcome) -> Floats:
    """The row of one outcome, whose tasks are those of `has_task`, (len(METRICS),)."""
    fields = ("success", *_AVERAGED.values())
    row: Floats = rows({name: getattr(outcome, name)[None, has_task] for name in fields})[0]
    return row


def task_means(rows: Floats) -> dict[str, float | int | None]:
    """Means per task over the steps of one scheme, each step weighted by its tasks.

    `success_offloaded` is weighted by tasks too: how many of them were offloaded is not kept.

    Args:
        rows: (steps, len(METRICS)).

    Returns:
        One number per metric, `tasks` the total; None where there is nothing to average.
    """
    tasks = rows[:, TASKS]
    result: dict[str, float | int | None] = {}
    for index, name in enumerate(METRICS):
        if name == "tasks":
            result[name] = int(tasks.sum())
            continue
        known = np.isfinite(rows[:, index]) & (tasks > 0)
        weight = tasks[known].sum()
        total = float(np.dot(rows[known, index], tasks[known]))
        result[name] = total / float(weight) if weight > 0 else None
    return result
