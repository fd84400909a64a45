"""Digital twins: what the decision maker knows, as of the last synchronisation, MODEL A3.6.

The vehicles' whereabouts are nature's, so their twins are kept once for all arms (`VehicleTwins`);
loads, batteries and histories are an arm's own (`RsuTwinLog`, `History`). The row of step k is
complete when step k is over. With S >= 1 s every S-th step publishes the newest complete row; with
S < 1 s what is known as a step starts is taken between the last two rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.params import MAX_VEHICLES
from engine.physics import channel
from engine.types import Bools, Floats, Ints, RsuTwins, Scene

#: Rows of the window of eq. (37), one a second.
WINDOW: Final = 10
#: Columns of a history row: x_n of eq. (35) and what came of the step.
HISTORY_COLUMNS: Final = (
    "cpu_hz", "rate_bps", "battery_j", "velocity_x_mps", "velocity_y_mps", "data_bits", "cycles",
    "deadline_s", "delay_share", "energy_share", "success", "rho", "has_task",
)  # fmt: skip
#: Rows kept: the window, seen up to five seconds late.
_KEPT: Final = 16
#: Columns of an RSU row, in the order of `RsuTwins`.
_RSU_COLUMNS: Final = (
    "cpu_hz", "unit_price", "battery_j", "mesh_rate_bps", "up", "backlog_s", "attached", "requests",
    "last_wait_s", "mean_wait_s", "mean_work_cycles",
)  # fmt: skip
#: How many of them are known at the start of a step; the others only when it is over.
_KNOWN_AT_START: Final = 7


@dataclass(frozen=True)
class Sight:
    """Where the twins have the vehicles; the same for every arm.

    Attributes:
        position_m, velocity_mps: (n, 2). age_s: (n,).
        serving: nearest RSU from there, -1 if none, (n,).
        distance_m: from there to every RSU, infinite where its radio is off, (n, M).
        rate_bps: expected to every RSU from there (h^2 = 1), 0 beyond the range, (n, M).
    """

    position_m: Floats
    velocity_mps: Floats
    age_s: Floats
    serving: Ints
    distance_m: Floats
    rate_bps: Floats


class VehicleTwins:
    """The exogenous part of DT_n: position and velocity, eq. (3), as last synchronised."""

    def __init__(self) -> None:
        self._last = np.zeros((MAX_VEHICLES, 4))  # x, y, v_x, v_y at the step before
        self._published = np.zeros((MAX_VEHICLES, 4))
        self._published_step = np.zeros(MAX_VEHICLES, np.int64)

    def step(self, scene: Scene, interval_s: float) -> Sight:
        """Synchronise if it is due and say what the twins know.

        A vehicle that is new registers with its twin at once, so it starts with age 0.
        """
        slot, fresh = scene.slot, scene.fresh
        now = np.concatenate([scene.position_m, scene.velocity_mps], axis=1)
        new = slot[fresh]
        self._last[new] = now[fresh]
        self._published[new] = now[fresh]
        self._published_step[new] = scene.step
        if interval_s < 1.0:
            known = (1.0 - interval_s) * now + interval_s * self._last[slot]
            age_s = np.where(fresh, 0.0, interval_s)
        else:
            if scene.step % round(interval_s) == 0:
                old = slot[~fresh]
                self._published[old] = self._last[old]
                self._published_step[old] = scene.step - 1
            known = self._published[slot]
            age_s = (scene.step - self._published_step[slot]).astype(np.float64)
        self._last[slot] = now
        return _sight(scene, known, age_s)


def _sight(scene: Scene, known: Floats, age_s: Floats) -> Sight:
    position_m = known[:, :2]
    distance_m = channel.distance(position_m, scene.rsus.position_m)
    dark = np.isinf(scene.distance_m).any(axis=0)
    if dark.any():
        distance_m[:, dark] = np.inf
    rows = np.arange(len(age_s))
    closest = np.argmin(distance_m, axis=1)
    reached = distance_m[rows, closest] <= channel.RANGE_M
    return Sight(
        position_m=position_m,
        velocity_mps=known[:, 2:],
        age_s=age_s,
        serving=np.where(reached, closest, -1),
        distance_m=distance_m,
        rate_bps=channel.rate(distance_m, 1.0),
    )


@dataclass(frozen=True)
class RsuState:
    """What holds at the RSUs of one arm as a step starts, (M,) each."""

    cpu_hz: Floats
    unit_price: Floats
    battery_j: Floats
    mesh_rate_bps: Floats
    up: Bools
    backlog_s: Floats
    attached: Floats


class RsuTwinLog:
    """DT_m of one arm, eqs. (4) and (36): row by row, the last published one for decisions."""

    def __init__(self, rsus: int) -> None:
        self._seen = np.zeros((WINDOW, 2, rsus))  # waits and work of the last steps
        self._current = np.zeros((len(_RSU_COLUMNS), rsus))
        self._last: Floats | None = None
        self._published = self._current
        self._published_step = 0

    def observe(self, step: int, interval_s: float, state: RsuState) -> RsuTwins:
        """Publish if it is due and give the twins that decisions of this step go by.

        Args:
            step: of the scene.
            interval_s: S.
            state: as the step starts.
        """
        now = self._row(state)
        if self._last is None:
            published, age_s = now, 0.0
            self._published, self._published_step = now, step
        elif interval_s < 1.0:
            published, age_s = now.copy(), interval_s
            known = slice(0, _KNOWN_AT_START)
            published[known] = (1.0 - interval_s) * now[known] + interval_s * self._last[known]
            published[_RSU_COLUMNS.index("up")] = state.up
            published[_KNOWN_AT_START:] = self._last[_KNOWN_AT_START:]
        else:
            if step % round(interval_s) == 0:
                self._published, self._published_step = self._last, step - 1
            published, age_s = self._published, float(step - self._published_step)
        self._current = now
        columns: dict[str, Floats] = dict(zip(_RSU_COLUMNS, published, strict=True))
        return RsuTwins(age_s=age_s, up=columns.pop("up") > 0.5, **columns)

    def record(self, step: int, asked: Floats, wait_s: Floats, work_cycles: Floats) -> None:
        """Complete the row of this step with what the RSUs saw of it, (M,) each."""
        seen = self._seen[step % WINDOW]
        seen[0], seen[1] = wait_s, work_cycles
        row = self._current.copy()
        row[_KNOWN_AT_START], row[_KNOWN_AT_START + 1] = asked, wait_s
        row[_KNOWN_AT_START + 2 :] = self._seen.mean(axis=0)
        self._last = row

    @staticmethod
    def _row(state: RsuState) -> Floats:
        row = np.zeros((len(_RSU_COLUMNS), len(state.up)))
        row[:_KNOWN_AT_START] = (
            state.cpu_hz, state.unit_price, state.battery_j, state.mesh_rate_bps, state.up,
            state.backlog_s, state.attached,
        )  # fmt: skip
        return row


class History:
    """The last rows of every vehicle in one arm, eq. (35), in a ring over slots.

    Most schemes never look back, so rows are made when a window is asked for.
    """

    def __init__(self) -> None:
        self._unmade: deque[tuple[int, Ints, Callable[[], Floats]]] = deque(maxlen=_KEPT)
        self._ring = np.zeros((_KEPT, MAX_VEHICLES, len(HISTORY_COLUMNS)))
        self._since = np.zeros(MAX_VEHICLES, np.int64)

    def begin(self, step: int, slot: Ints) -> None:
        """Vehicles that are new in these slots start without a past."""
        self._since[slot] = step

    def record(self, step: int, slot: Ints, rows: Callable[[], Floats]) -> None:
        """Keep what happened at this step.

        Args:
            step: of the scene.
            slot: of the vehicles, (n,).
            rows: makes the rows in the order of `HISTORY_COLUMNS`, (n, 13).
        """
        self._unmade.append((step, slot, rows))

    def window(self, newest_step: int, slot: Ints) -> Floats:
        """Rows up to `newest_step`, newest last, zeros where there was no vehicle, (n, 10, 13)."""
        self._make()
        steps = np.arange(newest_step - WINDOW + 1, newest_step + 1)
        rows = self._ring[(steps % _KEPT)[None, :], slot[:, None]]
        rows[steps < self._since[slot, None]] = 0.0
        return rows

    def _make(self) -> None:
        while self._unmade:
            step, at, make = self._unmade.popleft()
            self._ring[step % _KEPT, at] = make()

    def __getstate__(self) -> tuple[Ints, Floats]:
        """The rows themselves, without the slots at the end that no vehicle was in."""
        self._make()
        used = np.flatnonzero(self._ring.any(axis=(0, 2)))
        return self._since, self._ring[:, : used[-1] + 1 if len(used) else 0]

    def __setstate__(self, state: tuple[Ints, Floats]) -> None:
        """Become a copy of the history that gave this state."""
        self.__init__()  # type: ignore[misc]
        self._since, rows = state
        self._ring[:, : rows.shape[1]] = rows
