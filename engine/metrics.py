"""The numbers kept of each step and scheme: their names, and how they follow from an outcome."""

from __future__ import annotations

from typing import Final

import numpy as np

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
_SUCCESS_AT: Final = list(_AVERAGED).index("success_rate")


def row(has_task: Bools, outcome: Outcome) -> Floats:
    """One row in the order of `METRICS`.

    Args:
        has_task: which vehicles have a task this step, (n,).
        outcome: what became of the tasks, (n,) each.

    Returns:
        (len(METRICS),) float64; all NaN but `tasks` = 0 in a step without tasks.
    """
    values = np.full(len(METRICS), np.nan)
    values[TASKS] = tasks = np.count_nonzero(has_task)
    if tasks == 0:
        return values
    # One array and one mean: ten small ones take five times as long.
    columns = np.array([getattr(outcome, field) for field in _AVERAGED.values()], np.float64)
    values[_AVERAGED_AT] = columns[:, has_task].mean(axis=1)
    offloaded = has_task & (outcome.rho > 0)
    if offloaded.any():
        values[SUCCESS_OFFLOADED] = columns[_SUCCESS_AT, offloaded].mean()
    return values


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
