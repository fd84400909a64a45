"""What flows between the parts of the engine: frozen dataclasses of arrays, SI units.

Shapes: n is the number of vehicles present, M of RSUs. Vehicles come and go, so arrays over
vehicles
are compact (n of this step); state that outlives a step lives in arrays over slots and is indexed
by
`Scene.slot`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.params import Params

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Told what is done and of how much.
Progress = Callable[[int, int], None]

#: `Decision.target` of a vehicle that leaves the choice of server to the rule of MODEL A3.7.
BY_RULE = -1


@dataclass(frozen=True)
class Snapshot:
    """Where the vehicles are, as the mobility gives it at one step.

    Attributes:
        t_s: simulated time in seconds.
        vehicle: ids, unique in a run and never reused, strictly ascending, (n,).
        position_m: x and y, (n, 2), inside [0, side].
        speed_mps: (n,).
        heading_rad: direction of travel, counter-clockwise from east, (n,).
        kind: 0 car, 1 bus, 2 truck, (n,).
    """

    t_s: float
    vehicle: Ints
    position_m: Floats
    speed_mps: Floats
    heading_rad: Floats
    kind: Ints


@dataclass(frozen=True)
class Rsus:
    """The road-side units as nature has them at this step; the same for every arm.

    Attributes:
        position_m: (M, 2). cpu_hz: clock of one core f_m, (M,). unit_price: p_m, (M,).
        cores: K_m, the same for all. mesh_rate_bps: rate of RSU m's mesh links r_m, (M,).
        neighbours: the mesh, (M, 4) indices, -1 where there is none.
        up: computing works, (M,) bool. A unit that is down still relays by radio and mesh.
        battery_j: capacity E_m, (M,).
    """

    position_m: Floats
    cpu_hz: Floats
    unit_price: Floats
    cores: int
    mesh_rate_bps: Floats
    neighbours: Ints
    up: Bools
    battery_j: Floats


@dataclass(frozen=True)
class Scene:
    """What nature does at step t, drawn once and the same for every arm.

    Attributes:
        step: counts from 0. t_s: simulated time.
        vehicle: ids, (n,) ascending. slot: where per-vehicle state is kept, (n,), unique, <
            MAX_VEHICLES.
        fresh: this vehicle is new in its slot, state there starts anew, (n,).
        kind: 0 car, 1 bus, 2 truck, (n,). position_m, velocity_mps: (n, 2).
        cpu_hz: f_n, (n,). battery_j: capacity E_n, (n,).
        has_task: a task arrives this step, (n,) bool; the task arrays mean nothing where it is
            False.
        data_bits: D_n. cycles: C_n. deadline_s: T_n. phase_s: arrival in the step, in [0, 1). All
            (n,).
        fading: h_n^2 of the radio link, unit mean, (n,). fading_v2v: likewise towards a neighbour,
            (n,).
        distance_m: to every RSU, infinite where its radio is off, (n, M).
        serving: nearest RSU within range, -1 if none, (n,).
        rate_bps: true rate to every RSU, 0 outside the range, (n, M), eq. (8).
        rsus: the RSUs.
    """

    step: int
    t_s: float
    vehicle: Ints
    slot: Ints
    fresh: Bools
    kind: Ints
    position_m: Floats
    velocity_mps: Floats
    cpu_hz: Floats
    battery_j: Floats
    has_task: Bools
    data_bits: Floats
    cycles: Floats
    deadline_s: Floats
    phase_s: Floats
    fading: Floats
    fading_v2v: Floats
    distance_m: Floats
    serving: Ints
    rate_bps: Floats
    rsus: Rsus


@dataclass(frozen=True)
class RsuTwins:
    """DT_m as last published, eqs. (4), (36) extended as MODEL A3.6; all (M,), `age_s` old.

    Attributes:
        cpu_hz, unit_price, battery_j, mesh_rate_bps, up: as of the publication.
        backlog_s: W_m, mean core free time ahead. attached: cnt_m. requests: req_m of the last
            step.
        last_wait_s: lw_m. mean_wait_s, mean_work_cycles: 10-step means hw_m and hl_m.
    """

    age_s: float
    cpu_hz: Floats
    unit_price: Floats
    battery_j: Floats
    mesh_rate_bps: Floats
    up: Bools
    backlog_s: Floats
    attached: Floats
    requests: Floats
    last_wait_s: Floats
    mean_wait_s: Floats
    mean_work_cycles: Floats


@dataclass(frozen=True)
class Truth:
    """What only a reference with perfect information may see: the scene and the arm's queues.

    Attributes:
        scene: this step's scene. free_s: time until each core is free, (M, K). battery_j: left,
            (n,).
    """

    scene: Scene
    free_s: Floats
    battery_j: Floats


@dataclass(frozen=True)
class Observation:
    """What a scheme knows: each vehicle's own fresh task, everything else as the twins say.

    Attributes:
        step, vehicle, slot, fresh: as in `Scene`.
        has_task, data_bits, cycles, deadline_s: the vehicle's own task, fresh, (n,).
        cpu_hz, battery_j, battery_capacity_j: the vehicle's own, (n,).
        position_m, velocity_mps: the twin's, stale, (n, 2). age_s: of the vehicle's twin, (n,).
        serving: the RSU that serves it by the twin's position, -1 if none, (n,).
        rate_bps: the twin's estimate to every RSU (h^2 = 1, stale position), 0 outside range, (n,
            M).
        rsus: the RSU twins.
        cores: K_m. neighbours: the mesh, (M, 4).
        history: ten rows per vehicle of (x_n: f, r, E, v_x, v_y, D, C, T; t/T, E/E_max, success,
            rho,
            has task), newest last, zeros where missing, (n, 10, 13); SI units, eq. (35).
        params: parameters in force.
        truth: None except for references that declare `sees_truth`.
    """

    step: int
    vehicle: Ints
    slot: Ints
    fresh: Bools
    has_task: Bools
    data_bits: Floats
    cycles: Floats
    deadline_s: Floats
    cpu_hz: Floats
    battery_j: Floats
    battery_capacity_j: Floats
    position_m: Floats
    velocity_mps: Floats
    age_s: Floats
    serving: Ints
    distance_m: Floats
    rate_bps: Floats
    rsus: RsuTwins
    cores: int
    neighbours: Ints
    recall: Callable[[], Floats]
    params: Params
    truth: Truth | None = None

    @cached_property
    def history(self) -> Floats:
        """Ten rows per vehicle, newest last, zeros where missing, (n, 10, 13), eqs. (35)-(37).

        Columns: x_n (f, r, E, v_x, v_y, D, C, T), t/T, E/E_max, success, rho, has task; SI units.
        """
        return self.recall()


@dataclass(frozen=True)
class Decision:
    """What a scheme decides for every vehicle; rows without a task are ignored.

    Attributes:
        rho: offloaded fraction in [0, 1], (n,).
        target: RSU index, or `BY_RULE` for the rule of MODEL A3.7, (n,).
    """

    rho: Floats
    target: Ints


@dataclass(frozen=True)
class Outcome:
    """What the decisions led to; all (n,), zeros where there was no task.

    Attributes:
        rho: fraction in force after mandates. target: RSU that computed the share, -1 for none or
            a vehicle.
        helper: row index of the vehicle that computed the share, -1 if none.
        mandated, forwarded, rejected: bools: rho was forced; the RSU passed it on; the queue
            refused it.
        delay_s: t = max(t_local, t_edge). energy_j: E. price: rho p. cost: Omega_n, eq. (22).
        success: t <= T. toll: X_n, MODEL A3.9.
        t_local_s, t_up_s, t_hop_s, wait_s, t_comp_s, t_down_s, t_twin_s: the parts of the delay.
        e_local_j, e_radio_j, e_comp_j, e_twin_j: the parts of the energy.
    """

    rho: Floats
    target: Ints
    helper: Ints
    mandated: Bools
    forwarded: Bools
    rejected: Bools
    delay_s: Floats
    energy_j: Floats
    price: Floats
    cost: Floats
    success: Bools
    toll: Floats
    t_local_s: Floats
    t_up_s: Floats
    t_hop_s: Floats
    wait_s: Floats
    t_comp_s: Floats
    t_down_s: Floats
    t_twin_s: Floats
    e_local_j: Floats
    e_radio_j: Floats
    e_comp_j: Floats
    e_twin_j: Floats


class Mobility(Protocol):
    """What moves the vehicles: SUMO, a recorded trace, or the paper's synthetic motion."""

    #: Digest of what determines the motion (net, types, seed, versions), for manifests.
    digest: str

    def step(self, target_vehicles: int) -> Snapshot:
        """Advance one second towards `target_vehicles` vehicles and say where they are.

        Raises:
            MobilityLost: the source died or hangs; the message is one sentence for the user.
        """
        ...

    def fork(self) -> MobilityFork:
        """Where the source stands; it goes on undisturbed."""
        ...

    def close(self) -> None:
        """End the source and every process it started; safe to call twice."""
        ...


class MobilityFork(Protocol):
    """Where a source of motion stood, picklable."""

    def open(self, progress: Progress) -> Mobility:
        """A source that goes on from there bit for bit as that one, asked for the same vehicles.

        Args:
            progress: told how many seconds of the way there are done, and of how many.

        Raises:
            MobilityLost: there is no way there any more.
            ValueError: what the source was opened from cannot be used any more.
        """
        ...


class MobilityLost(RuntimeError):  # noqa: N818 - a state of the source, named as the page says it
    """The mobility source ended: died, froze or ran out; the message says what and what to do."""


class Scheme(Protocol):
    """A policy. Learned schemes add learning; references and heuristics only act."""

    #: True only for references that may read `Observation.truth`.
    sees_truth: bool

    def act(self, observation: Observation) -> Decision:
        """Decide for every vehicle; deterministic given the scheme's own generator."""
        ...
