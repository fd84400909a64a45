"""What a client learns from: windows of its twin and what came of them, MODEL D.2-D.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.models.cvae import CONTEXT as CVAE_CONTEXT
from engine.models.cvae import STATE as CVAE_STATE
from engine.models.transformer import WINDOW
from engine.types import Bools, Floats, Ints, Observation
from engine.units import BITS_PER_MB, BPS_PER_MBPS, GIGA

#: Twin rows a client keeps.
KEPT: Final = 64
OUTCOME: Final = 5
RSU_ROW: Final = 4
TOKEN: Final = CVAE_STATE + OUTCOME + RSU_ROW
TARGET: Final = 5
#: A sample: window, missing marks, CVAE context, target with has-task.
WIDTH: Final = WINDOW * TOKEN + WINDOW + CVAE_CONTEXT + TARGET
_FASTEST_MPS: Final = 22.0

Rows = NDArray[np.float32]


class Windows:
    """The twins' windows as network inputs; RSU rows of the last ten seconds are kept here."""

    def __init__(self) -> None:
        self._rsus: list[Floats] = []

    def take(self, observation: Observation) -> Rows:
        """Inputs of this step: window, missing marks and context of each vehicle, (n, ...).

        The RSU part of every token is of the RSU that serves the vehicle now.
        """
        o = observation
        self._rsus = [*self._rsus, rsu_rows(o)][-WINDOW:]
        past = [self._rsus[0]] * (WINDOW - len(self._rsus)) + self._rsus
        history = o.history
        states, outcomes = scaled_states(history, o.battery_capacity_j), scaled_outcomes(history)
        near = np.stack(past)[:, np.maximum(o.serving, 0)].transpose(1, 0, 2)  # (n, T, 4)
        missing = (history[:, :, 0] == 0.0).astype(np.float64)
        missing[:, -1] = 0.0  # something must be attended to
        tokens = np.concatenate([states, outcomes, near], axis=2)
        context = cvae_context(states, outcomes, near, missing)
        n = len(history)
        return np.concatenate([tokens.reshape(n, WINDOW * TOKEN), missing, context], axis=1).astype(
            np.float32
        )


def rsu_rows(observation: Observation) -> Floats:
    """4 W, 6 hw, req / 5, f_m - 2.5 of every RSU twin, (M, 4), MODEL D.3."""
    t = observation.rsus
    columns = (
        4.0 * t.backlog_s,
        6.0 * t.mean_wait_s,
        t.requests / (5.0 * observation.cores),
        t.cpu_hz / GIGA - 2.5,
    )
    return np.stack(columns, axis=1)


def scaled_states(history: Floats, capacity_j: Floats) -> Floats:
    """x_n in [0, 1], (n, T, 8), MODEL D.2; zeros for the task where there was none."""
    h = history
    task = h[:, :, 12]
    columns = (
        h[:, :, 0] / GIGA - 1.5,
        (h[:, :, 1] / BPS_PER_MBPS - 20.0) / 30.0,
        h[:, :, 2] / capacity_j[:, None],
        0.5 + 0.5 * h[:, :, 3] / _FASTEST_MPS,
        0.5 + 0.5 * h[:, :, 4] / _FASTEST_MPS,
        task * (h[:, :, 5] / BITS_PER_MB - 0.5) / 1.5,
        task * (h[:, :, 6] / GIGA - 0.5),
        task * (h[:, :, 7] - 0.1) / 0.9,
    )
    return np.stack(columns, axis=2).clip(0.0, 1.0)


def scaled_outcomes(history: Floats) -> Floats:
    """min(t/T, 3)/3, E/E_max, success, rho, has task, (n, T, 5)."""
    outcomes = history[:, :, 8:13].copy()
    outcomes[:, :, 0] = np.minimum(outcomes[:, :, 0], 3.0) / 3.0
    return outcomes


def cvae_context(states: Floats, outcomes: Floats, near: Floats, missing: Floats) -> Floats:
    """c_n in [0, 1], means over the window, task fields over seconds with a task, (n, 16), (37)."""
    there = 1.0 - missing
    task = outcomes[:, :, 4] * there

    def mean(values: Floats, weight: Floats) -> Floats:
        total = np.maximum(weight.sum(axis=1), 1.0)[:, None]
        averaged: Floats = (values * weight[:, :, None]).sum(axis=1) / total
        return averaged

    parts = (
        mean(states[:, :, :5], there),
        mean(states[:, :, 5:], task),
        mean(outcomes[:, :, :4], task),
        mean(near / np.array([4.0, 6.0, 4.0, 1.0]), np.ones_like(there)),
    )
    return np.concatenate(parts, axis=1).clip(0.0, 1.0)


def open_rows(window: Rows, late: Floats, energy: Floats, success: Bools, had: Bools) -> Rows:
    """Samples of a step whose waits the twins have not logged yet, (n, WIDTH).

    Args:
        window: inputs of the step, (n, .).
        late: min(t/T, 3), (n,).
        energy: E/E_max, (n,).
        success: t <= T, (n,).
        had: there was a task, (n,).
    """
    rows = np.zeros((len(window), WIDTH), np.float32)
    rows[:, : window.shape[1]] = window
    rows[:, -4:] = np.stack([late, energy, success, had], axis=1)
    return rows


def close_rows(rows: Rows, last_wait_s: Floats) -> None:
    """Put the wait, (n,), at each sample's RSU in its place."""
    rows[:, -TARGET] = 6.0 * last_wait_s


class Datasets:
    """The last samples of every vehicle, in rings over slots that grow with the city."""

    def __init__(self) -> None:
        self._rows = np.zeros((0, KEPT, WIDTH), np.float32)
        self._added = np.zeros(0, np.int64)

    def begin(self, slot: Ints) -> None:
        """These slots have new vehicles, without data."""
        self._grow(slot)
        self._added[slot] = 0

    def add(self, slot: Ints, rows: Rows) -> None:
        """One sample for each of these slots."""
        self._grow(slot)
        self._rows[slot, self._added[slot] % KEPT] = rows
        self._added[slot] += 1

    def sizes(self, slot: Ints) -> Ints:
        """|D_n|, (n,)."""
        self._grow(slot)
        return np.minimum(self._added[slot], KEPT)

    def take(self, slot: Ints, rows: int) -> Rows:
        """The clients' last samples, newest first, (C, rows, WIDTH); beyond |D_n| they are void."""
        newest = self._added[slot, None] - 1 - np.arange(rows)
        taken: Rows = self._rows[slot[:, None], newest % KEPT]
        return taken

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Everything, for a checkpoint."""
        return {"rows": self._rows, "added": self._added}

    def set_tensors(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Become what `tensors` gave."""
        self._rows, self._added = tensors["rows"], tensors["added"]

    def _grow(self, slot: Ints) -> None:
        wanted = int(slot.max(initial=-1)) + 1
        if wanted > len(self._rows):
            more = wanted - len(self._rows)
            self._rows = np.concatenate([self._rows, np.zeros((more, KEPT, WIDTH), np.float32)])
            self._added = np.concatenate([self._added, np.zeros(more, np.int64)])
