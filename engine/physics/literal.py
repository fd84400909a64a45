"""Eqs. (5)-(22) as printed, for the preset that shows what they lead to, MODEL A3.11.

Taken word for word, offloading never helps: (14) keeps the whole task's local time in the maximum.
"""

from __future__ import annotations

import numpy as np

from engine.physics import channel
from engine.physics.offloading import (
    RESULT_SHARE,
    Overhead,
    Parts,
    Work,
    compute_delay,
    compute_energy,
    cost,
    download_delay,
    local_delay,
    local_energy,
    radio_energy,
    service_price,
    upload_delay,
)
from engine.physics.settle import Plan, Settled, count_asked, total
from engine.types import Floats, Ints, Rsus
from engine.units import BPS_PER_MBPS

#: Table IV: r_n, drawn uniformly.
RATE_MBPS = (20.0, 50.0)


def printed_rate(distance_m: Floats, gain: Floats | float) -> Floats:
    """Eq. (8) exactly as printed with Table IV: W log2(1 + P d^-beta h^2 / (N0 W)), bit/s.

    With h = 1e-7 that is 2.9 bit/s at 50 m, MODEL A1 row 4.
    """
    snr = channel.TX_POWER_W * distance_m**-channel.PATH_LOSS * gain**2 / channel.NOISE_W
    return np.asarray(channel.BANDWIDTH_HZ * np.log1p(snr) / np.log(2.0))


def drawn_rate(quantile: Floats, distance_m: Floats) -> Floats:
    """Rates of Table IV taken as a range to draw from, 0 beyond the range of an RSU, (n, M)."""
    low, high = RATE_MBPS
    drawn = (low + quantile * (high - low)) * BPS_PER_MBPS
    return np.where(distance_m <= channel.RANGE_M, drawn[:, None], 0.0)


def shared_clock(rho: Floats, server: Ints, cpu_hz: Floats) -> Floats:
    """(C.6) taken for a share: f' = f_m / max(1, sum of rho at m), for each task, Hz, (k,).

    Args:
        rho: fractions, (k,).
        server: RSU of each, -1 for none, (k,).
        cpu_hz: f_m, (M,).
    """
    at = server >= 0
    asked = np.bincount(server[at], weights=rho[at], minlength=len(cpu_hz))
    return (cpu_hz / np.maximum(1.0, asked))[server]


def outcomes(
    work: Work, rho: Floats, core_hz: Floats, unit_price: Floats, overhead: Overhead
) -> Parts:
    """Delay, energy, price and cost as printed.

    t_off = max(rho D/r + rho C/f' + delta D/r + t_DT, C/f), (14); E_off holds E_DT twice, (11)
    and (15); E = min(E_loc, E_off), (17); Omega by (22) with t_off, as with (16) rho would change
    nothing.

    Args:
        work: the tasks, (k,).
        rho: fractions, (k,).
        core_hz: f' from `shared_clock`, (k,).
        unit_price: p of each task's server, (k,).
        overhead: of the twins.
    """
    t_local = local_delay(0.0, work.cycles, work.cpu_hz)
    t_up = upload_delay(rho, work.data_bits, work.rate_bps)
    t_comp = compute_delay(rho, work.cycles, core_hz)
    sent = rho > 0.0
    t_down = np.where(sent, download_delay(RESULT_SHARE * work.data_bits, work.rate_bps), 0.0)
    t_twin = np.full(t_up.shape, overhead.twin_s)
    edge = t_up + t_comp + t_down + t_twin
    delay = np.maximum(edge, t_local)
    e_radio = radio_energy(t_up + t_down)
    e_comp = compute_energy(rho, work.cycles)
    e_off = e_radio + e_comp + 2.0 * overhead.twin_j
    e_local = local_energy(0.0, work.cycles)
    stays = e_local <= e_off
    energy = np.minimum(e_local, e_off)
    price = service_price(rho, unit_price)
    none = np.zeros(t_up.shape)
    return Parts(
        delay_s=delay,
        energy_j=energy,
        price=price,
        cost=cost(delay, energy, price, work.deadline_s),
        edge_s=edge,
        t_local_s=t_local,
        t_up_s=t_up,
        t_hop_s=none,
        wait_s=none,
        t_comp_s=t_comp,
        t_down_s=t_down,
        t_twin_s=t_twin,
        e_local_j=np.where(stays, e_local, 0.0),
        e_radio_j=np.where(stays, 0.0, e_radio),
        e_comp_j=np.where(stays, 0.0, e_comp),
        e_twin_j=np.where(stays, 0.0, 2.0 * overhead.twin_j),
    )


def settle_step(work: Work, plan: Plan, rsus: Rsus, free_s: Floats, overhead: Overhead) -> Settled:
    """One step as printed: everybody is served at once at a shared clock, nothing queues.

    Args:
        work: the tasks, (k,).
        plan: what to do with them; hosts do not exist here, (k,).
        rsus: the RSUs.
        free_s: the cores, which stay idle, (M, K).
        overhead: of the twins.
    """
    server = np.where(plan.rho > 0.0, plan.target, -1)
    core_hz = shared_clock(plan.rho, server, rsus.cpu_hz)
    parts = outcomes(work, plan.rho, core_hz, rsus.unit_price[server], overhead)
    m, at = len(rsus.cpu_hz), server >= 0
    cycles = total(server[at], (plan.rho * work.cycles)[at], m)
    nobody = np.zeros(len(server), bool)
    return Settled(
        parts=parts,
        server=server,
        accepted=at,
        rejected=nobody,
        forwarded=nobody,
        toll=np.zeros(len(server)),
        asked=count_asked(plan, m),
        requests=np.bincount(server[at], minlength=m).astype(np.float64),
        wait_s=np.zeros(m),
        offered_cycles=cycles,
        served_cycles=cycles,
        free_s=free_s,
    )
