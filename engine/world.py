"""Nature: steps the mobility and draws tasks, fading and hardware; the same scene for every arm."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from engine.params import MAX_VEHICLES, Params
from engine.physics import channel
from engine.physics.literal import drawn_rate
from engine.rsus import RsuTraits, within
from engine.seeds import generator
from engine.tasks import TaskSource
from engine.types import Bools, Floats, Ints, Mobility, Scene, Snapshot
from engine.units import GIGA, J_PER_WH

#: Hardware quantiles are drawn once for this many vehicle ids, then repeat.
_TRAITS: Final = 1 << 16


class World:
    """Makes the next scene. One generator per concern, fixed-size draws per slot or vehicle id."""

    def __init__(self, mobility: Mobility, params: Params) -> None:
        self._mobility = mobility
        self._rsus = RsuTraits(params.seed)
        self._tasks = TaskSource(params.seed)
        self._fading = generator(params.seed, "fading")
        self._cpu, self._battery = generator(params.seed, "vehicles").random((2, _TRAITS))
        self._slots = Slots()
        self._step = 0
        self._t_s = 0.0

    def step(
        self,
        params: Params,
        down: Collection[int] = frozenset(),
        radio_down: Collection[int] = frozenset(),
    ) -> Scene:
        """The scene of the next second.

        Args:
            params: parameters in force.
            down: RSUs whose computing has failed; they still relay.
            radio_down: RSUs whose radio has failed: `distance_m` to them is infinite.

        Raises:
            MobilityLost: the mobility ended.
        """
        seen = _first(self._mobility.step(params.target_vehicles(self._t_s)), MAX_VEHICLES)
        self._t_s = seen.t_s
        slot, fresh = self._slots.assign(seen.vehicle)
        trait = seen.vehicle % _TRAITS
        cpu_hz = within(params.vehicle_cpu, self._cpu[trait]) * GIGA
        tasks = self._tasks.step(params, slot, fresh, seen.vehicle, cpu_hz)
        fading, fading_v2v, luck = self._draw_fading(slot)
        rsus = self._rsus.scene(params, down)
        distance_m = channel.distance(seen.position_m, rsus.position_m)
        if radio_down:
            distance_m[:, [m for m in radio_down if 0 <= m < len(rsus.up)]] = np.inf
        if params.equations == "paper-literal":
            rate_bps = drawn_rate(luck, distance_m)
        else:
            rate_bps = channel.rate(distance_m, fading[:, None])
        heading = np.column_stack([np.cos(seen.heading_rad), np.sin(seen.heading_rad)])
        scene = Scene(
            step=self._step,
            t_s=seen.t_s,
            vehicle=seen.vehicle,
            slot=slot,
            fresh=fresh,
            kind=seen.kind,
            position_m=seen.position_m,
            # Never quite zero: who waits at a light still points somewhere.
            velocity_mps=heading * np.maximum(seen.speed_mps, 1e-6)[:, None],
            cpu_hz=cpu_hz,
            battery_j=within(params.battery, self._battery[trait]) * J_PER_WH,
            has_task=tasks.has_task,
            data_bits=tasks.data_bits,
            cycles=tasks.cycles,
            deadline_s=tasks.deadline_s,
            phase_s=tasks.phase_s,
            fading=fading,
            fading_v2v=fading_v2v,
            distance_m=distance_m,
            serving=nearest(distance_m),
            rate_bps=rate_bps,
            rsus=rsus,
        )
        self._step += 1
        return scene

    def _draw_fading(self, slot: Ints) -> tuple[Floats, Floats, Floats]:
        shape = channel.FADING_SHAPE
        fading = self._fading.standard_gamma(shape, (2, MAX_VEHICLES)) / shape
        luck = self._fading.random(MAX_VEHICLES)
        return fading[0, slot], fading[1, slot], luck[slot]


class Slots:
    """Gives every vehicle a slot for as long as it is present."""

    def __init__(self) -> None:
        self._vehicle: Ints = np.zeros(0, np.int64)
        self._slot: Ints = np.zeros(0, np.int64)

    def assign(self, vehicle: Ints) -> tuple[Ints, Bools]:
        """Slots of the vehicles present and whether each is new there, (n,); ids ascend.

        Newcomers get the lowest free slots, so slots stay dense.
        """
        if np.array_equal(vehicle, self._vehicle):
            return self._slot, np.zeros(len(vehicle), bool)
        slot = np.full(len(vehicle), -1)
        _, now, before = np.intersect1d(
            vehicle, self._vehicle, assume_unique=True, return_indices=True
        )
        slot[now] = self._slot[before]
        fresh = slot < 0
        free = np.ones(MAX_VEHICLES, bool)
        free[slot[~fresh]] = False
        slot[fresh] = np.flatnonzero(free)[: np.count_nonzero(fresh)]
        self._vehicle, self._slot = vehicle, slot
        return slot, fresh


def nearest(distance_m: Floats) -> Ints:
    """The nearest RSU of each vehicle, -1 beyond its range, MODEL A3.1, (n,)."""
    closest = np.argmin(distance_m, axis=1)
    reached = distance_m[np.arange(len(closest)), closest] <= channel.RANGE_M
    return np.where(reached, closest, -1)


def _first(seen: Snapshot, count: int) -> Snapshot:
    """At most `count` vehicles: a source that overshoots its target must not stop the run."""
    if len(seen.vehicle) <= count:
        return seen
    return Snapshot(
        t_s=seen.t_s,
        vehicle=seen.vehicle[:count],
        position_m=seen.position_m[:count],
        speed_mps=seen.speed_mps[:count],
        heading_rad=seen.heading_rad[:count],
        kind=seen.kind[:count],
    )
