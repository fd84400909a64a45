"""One split task: delay, energy, price and cost as pure functions, eqs. (5)-(22), MODEL A3.4-A3.5.

Where the printed equations contradict themselves, the docstring says what is taken; MODEL A1 has
the numbers. All functions broadcast, so candidates may stand on a leading axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.params import Params
from engine.physics.channel import TX_POWER_W
from engine.physics.edge_queue import hop_s
from engine.types import Bools, Floats, Ints

#: kappa_n, energy of a cycle on a vehicle, Table IV.
VEHICLE_J_PER_CYCLE: Final = 1e-6
#: kappa'_m, energy of a cycle on an RSU, MODEL A2: a server is about three times as efficient.
RSU_J_PER_CYCLE: Final = 0.3e-6
#: delta, size of the result per size of the task, Table IV.
RESULT_SHARE: Final = 0.1
#: E_max: kappa_n times the largest task of Table IV, MODEL A2.
ENERGY_SCALE_J: Final = 1500.0
#: P_max, MODEL A2.
PRICE_SCALE: Final = 1.0
#: Price of a full offload to a neighbour vehicle: half of P_max, MODEL A2.
V2V_PRICE: Final = 0.5
#: Look-up part of t_DT; sync part of t_DT and E_DT at S = 1 s, MODEL A2.
TWIN_LOOKUP_S: Final = 0.005
TWIN_SYNC_S: Final = 0.010
TWIN_SYNC_J: Final = 10.0


@dataclass(frozen=True)
class Overhead:
    """What the twins cost a task at the sync interval in force, and how results are sized.

    Attributes:
        twin_s: t_DT. twin_j: E_DT. share_result: the result is delta rho D instead of delta D.
    """

    twin_s: float
    twin_j: float
    share_result: bool

    @classmethod
    def of(cls, params: Params) -> Overhead:
        """The overhead under `params`: t_DT = 5 ms + 10 ms / S, E_DT = 10 J / S, MODEL A2."""
        interval_s = float(params.sync_interval)
        return cls(
            twin_s=twin_delay(interval_s),
            twin_j=twin_energy(interval_s),
            share_result=params.download_share == "share",
        )


@dataclass(frozen=True)
class Work:
    """The tasks of one step, one row each, as nature has them, (k,).

    Attributes:
        row: the vehicle's row in the scene. phase_s: when the task arrives in the step.
        data_bits, cycles, deadline_s: D, C, T. cpu_hz: f_n. battery_j: left.
        serving: RSU the vehicle is attached to, -1 outside coverage.
        rate_bps: to it, true; 0 if none.
    """

    row: Ints
    phase_s: Floats
    data_bits: Floats
    cycles: Floats
    deadline_s: Floats
    cpu_hz: Floats
    battery_j: Floats
    serving: Ints
    rate_bps: Floats


@dataclass(frozen=True)
class Upload:
    """The way of the share to its server in s; the arrival counts from the start of the step."""

    t_up_s: Floats
    t_hop_s: Floats
    arrival_s: Floats


@dataclass(frozen=True)
class Parts:
    """What became of the tasks, all of one broadcast shape; fields as in `engine.types.Outcome`."""

    delay_s: Floats
    energy_j: Floats
    price: Floats
    cost: Floats
    edge_s: Floats
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


def local_delay(rho: Floats | float, cycles: Floats, cpu_hz: Floats) -> Floats:
    """Time of the share that stays, eq. (5) for the split task: (1 - rho) C / f_n.

    The printed C / f_n is of the whole task, so in the maximum of (14) rho could never shorten it.
    """
    return np.asarray((1.0 - rho) * cycles / cpu_hz)


def local_energy(rho: Floats | float, cycles: Floats) -> Floats:
    """Energy of the share that stays, eq. (6) for the split task: kappa_n (1 - rho) C."""
    return np.asarray(VEHICLE_J_PER_CYCLE * (1.0 - rho) * cycles)


def upload_delay(rho: Floats | float, data_bits: Floats, rate_bps: Floats) -> Floats:
    """Time to send the share, eq. (7): rho D / r; 0 where rho = 0, infinite without a link."""
    bits = np.asarray(rho * data_bits)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bits > 0.0, bits / rate_bps, 0.0)


def radio_energy(on_air_s: Floats) -> Floats:
    """Energy of sending or receiving, eqs. (9) and (13): P t."""
    return np.asarray(TX_POWER_W * on_air_s)


def compute_delay(rho: Floats | float, cycles: Floats, core_hz: Floats) -> Floats:
    """Time of the share on one core, eq. (10): rho C / f'. Waiting comes on top."""
    return np.asarray(rho * cycles / core_hz)


def compute_energy(
    rho: Floats | float, cycles: Floats, j_per_cycle: Floats | float = RSU_J_PER_CYCLE
) -> Floats:
    """Energy of the share at the server, eq. (11): rho kappa' C; E_DT is counted once, in (15)."""
    return np.asarray(rho * j_per_cycle * cycles)


def result_bits(rho: Floats | float, data_bits: Floats, *, share_result: bool) -> Floats:
    """Size of the result, eq. (12): delta D if anything was offloaded, or delta rho D."""
    if share_result:
        return np.asarray(RESULT_SHARE * rho * data_bits)
    return np.where(np.asarray(rho) > 0.0, RESULT_SHARE * data_bits, 0.0)


def download_delay(bits: Floats, rate_bps: Floats) -> Floats:
    """Time to return the result, eq. (12): bits / r; 0 without a result, infinite without link."""
    return upload_delay(1.0, bits, rate_bps)


def twin_delay(interval_s: float) -> float:
    """t_DT, MODEL A2: look-up, and the synchronisation that shares the uplink, 5 ms + 10 ms / S."""
    return TWIN_LOOKUP_S + TWIN_SYNC_S / interval_s


def twin_energy(interval_s: float) -> float:
    """E_DT per task, MODEL A2: 10 J / S; due at rho = 0 too, as the twin is kept anyway."""
    return TWIN_SYNC_J / interval_s


def total_delay(t_local_s: Floats, t_edge_s: Floats) -> Floats:
    """Delay of the split task, eq. (14): the branches run side by side, max(t_local, t_edge).

    The minimum with the whole task's t_loc in (16) is dropped: rho = 0 is the local option.
    """
    return np.maximum(t_local_s, t_edge_s)


def total_energy(
    e_local_j: Floats, e_radio_j: Floats, e_comp_j: Floats, e_twin_j: Floats | float
) -> Floats:
    """Energy of the split task, eq. (15) with the local part that it omits, and no (17)."""
    return np.asarray(e_local_j + e_radio_j + e_comp_j + e_twin_j)


def service_price(rho: Floats | float, unit_price: Floats | float) -> Floats:
    """What the server is paid, eq. (21): rho p."""
    return np.asarray(rho * unit_price)


def cost(delay_s: Floats, energy_j: Floats, price: Floats, deadline_s: Floats) -> Floats:
    """Omega of each task, eq. (22): t / T + E / E_max + price / P_max."""
    return np.asarray(delay_s / deadline_s + energy_j / ENERGY_SCALE_J + price / PRICE_SCALE)


def mandated_share(work: Work, rho: Floats, *, force: bool) -> Floats:
    """The share after the mandates, eqs. (18)-(20), MODEL A3.7.

    (C.2): a battery below E_loc = kappa_n C sends the whole task away. With `force` also what (18)
    means physically (it compares Hz with cycles): at least 1 - f_n T / C leaves.

    Args:
        work: the tasks, (k,).
        rho: as decided, (k,).
        force: the switch `mandate`.
    """
    if force:
        rho = np.maximum(rho, 1.0 - work.cpu_hz * work.deadline_s / work.cycles)
    return np.where(work.battery_j < VEHICLE_J_PER_CYCLE * work.cycles, 1.0, rho)


def upload(work: Work, rho: Floats, rate_bps: Floats, hops: Bools, mesh_rate_bps: Floats) -> Upload:
    """The way of the share to its server, MODEL A3.4: phi + rho D / r + [m != srv] hop.

    Args:
        work: the tasks, (k,).
        rho: fraction in force, (..., k).
        rate_bps: of the radio link used, (k,).
        hops: the share crosses the mesh once, (..., k).
        mesh_rate_bps: r_mesh of the serving RSU, (k,).
    """
    t_up = upload_delay(rho, work.data_bits, rate_bps)
    away = hops & (rho > 0.0)
    t_hop = np.where(away, hop_s(rho * work.data_bits, mesh_rate_bps), 0.0)
    return Upload(t_up, t_hop, work.phase_s + t_up + t_hop)


def latest_finish(work: Work, rho: Floats, rate_bps: Floats, overhead: Overhead) -> Floats:
    """When a server must have finished for the deadline to hold, from the start of the step.

    Admission control compares with it: phi + T - t_DT - result / r, (..., k).
    """
    bits = result_bits(rho, work.data_bits, share_result=overhead.share_result)
    return np.asarray(
        work.phase_s + work.deadline_s - overhead.twin_s - download_delay(bits, rate_bps)
    )


def compose(
    work: Work,
    rho: Floats,
    rate_bps: Floats,
    way: Upload,
    *,
    accepted: Bools,
    wait_s: Floats,
    hop_s: Floats,
    core_hz: Floats,
    unit_price: Floats,
    j_per_cycle: Floats | float,
    overhead: Overhead,
) -> Parts:
    """Delay, energy, price and cost of split tasks once the queues have answered, MODEL A3.4-A3.5.

    Refused work falls back to the vehicle: t = max(t_local, t_up + t_hop + t_DT) + rho C / f_n, no
    price, and the energy of the whole task beside that of the upload in vain.

    Args:
        work: the tasks, (k,).
        rho: fraction in force, (..., k).
        rate_bps: of the radio link, (k,).
        way: from `upload`.
        accepted: the server took the share (ignored where rho = 0), (..., k).
        wait_s: in its queue.
        hop_s: extra hops by the RSUs, (..., k).
        core_hz: clock that computed the share.
        unit_price: p.
        j_per_cycle: kappa', (..., k).
        overhead: of the twins.
    """
    sent = rho > 0.0
    done = sent & accepted
    bits = result_bits(rho, work.data_bits, share_result=overhead.share_result)
    t_local = local_delay(rho, work.cycles, work.cpu_hz)
    t_comp = compute_delay(rho, work.cycles, np.where(done, core_hz, work.cpu_hz))
    t_down = np.where(done, download_delay(bits, rate_bps), 0.0)
    t_twin = np.where(sent, overhead.twin_s, 0.0)
    t_hop = way.t_hop_s + hop_s
    wait = np.where(done, wait_s, 0.0)
    before = way.t_up_s + t_hop + t_twin  # with or without an answer
    edge = before + wait + t_comp + t_down
    delay = np.where(
        sent & ~accepted, np.maximum(t_local, before) + t_comp, total_delay(t_local, edge)
    )
    e_local = local_energy(np.where(done, rho, 0.0), work.cycles)
    e_radio = radio_energy(way.t_up_s + t_down)
    e_comp = np.where(done, compute_energy(rho, work.cycles, j_per_cycle), 0.0)
    e_twin = np.full(e_local.shape, overhead.twin_j)
    energy = total_energy(e_local, e_radio, e_comp, e_twin)
    price = service_price(np.where(done, rho, 0.0), unit_price)
    return Parts(
        delay_s=delay,
        energy_j=energy,
        price=price,
        cost=cost(delay, energy, price, work.deadline_s),
        edge_s=edge,
        t_local_s=t_local,
        t_up_s=way.t_up_s,
        t_hop_s=t_hop,
        wait_s=wait,
        t_comp_s=t_comp,
        t_down_s=t_down,
        t_twin_s=t_twin,
        e_local_j=e_local,
        e_radio_j=e_radio,
        e_comp_j=e_comp,
        e_twin_j=e_twin,
    )
