"""The queues of the RSUs, MODEL A3.4 and A3.8: first come, first served on K cores.

`serve` settles one decision; `serve_batch` settles many candidate decisions of the same step at
once and gives, row by row, exactly what `serve` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.types import Bools, Floats, Ints

#: W_max: a sub-task that would wait longer is refused, MODEL A2.
LONGEST_WAIT_S: Final = 1.0
#: Fixed part of one mesh hop between neighbouring RSUs, MODEL A2.
HOP_LATENCY_S: Final = 0.005
#: theta: how much shorter the wait next door must be before an RSU passes work on, MODEL A3.8.
FORWARD_MARGIN_S: Final = 0.15


@dataclass(frozen=True)
class Served:
    """What the queues did with k sub-tasks; `serve_batch` puts a candidate axis B in front.

    Attributes:
        start_s: start of service on a core, from the start of the step, (k,). What would have been,
            where the sub-task was refused; so for `finish_s` and `wait_s`.
        finish_s: end of service, (k,).
        wait_s: start less arrival at the RSU that served (or refused) it, (k,).
        hop_s: time the RSUs' own forwarding took, (k,).
        server: the RSU that served or refused it, -1 if none that works could be reached, (k,).
        accepted: False where it would wait too long, would miss its deadline under admission
            control, or nobody was up, (k,).
        forwarded: passed on by the RSU it came to, (k,).
        free_s: when each core is free after this step's work, from the start of the step, (M, K).
    """

    start_s: Floats
    finish_s: Floats
    wait_s: Floats
    hop_s: Floats
    server: Ints
    accepted: Bools
    forwarded: Bools
    free_s: Floats


def hop_s(data_bits: Floats, mesh_rate_bps: Floats) -> Floats:
    """Time of one mesh hop in s, 0.005 + rho D / r_mesh, MODEL A3.4; shapes broadcast."""
    return HOP_LATENCY_S + data_bits / mesh_rate_bps


def serve(
    rsu: Ints,
    arrival_s: Floats,
    cycles: Floats,
    data_bits: Floats,
    latest_finish_s: Floats,
    free_s: Floats,
    cpu_hz: Floats,
    up: Bools,
    neighbours: Ints,
    mesh_rate_bps: Floats,
    *,
    live_mesh: bool,
    admission: bool,
) -> Served:
    """Serve sub-tasks in the order of their arrival.

    A sub-task starts at max(arrival, earliest free core) and takes cycles / f_m on that core. With
    a live mesh its RSU m hands it to the neighbour with the shortest wait W_k if
    W_m > W_k + hop + theta; an RSU that is down always hands it on. Nothing is handed on twice.
    A sub-task without work is none: it passes at once and leaves no trace.

    Args:
        rsu: where each sub-task arrives, in [0, M), (k,).
        arrival_s: `ready` there, from the start of the step, (k,).
        cycles: rho C, (k,).
        data_bits: rho D, what a mesh hop carries, (k,).
        latest_finish_s: when its computing must be done under admission control, (k,).
        free_s: time until each core is free at the start of the step, (M, K).
        cpu_hz: clock of one core, (M,).
        up: computing works, (M,).
        neighbours: the mesh, -1 where there is none, (M, 4).
        mesh_rate_bps: of each RSU's links, (M,).
        live_mesh: RSUs re-route on their live queues.
        admission: refuse what would finish after `latest_finish_s`.

    Returns:
        What happened to each sub-task and the cores' free times, not yet advanced by the step.
    """
    meshed = live_mesh or not up.all()
    reachable = _reachable(neighbours, up) if meshed else []
    hop = hop_s(data_bits, mesh_rate_bps[rsu]).tolist() if meshed else []
    at, arrive, work = rsu.tolist(), arrival_s.tolist(), cycles.tolist()
    works, free, clock = up.tolist(), free_s.tolist(), cpu_hz.tolist()
    service, latest = (cycles / cpu_hz[rsu]).tolist(), latest_finish_s.tolist()
    start, server = arrive.copy(), rsu.copy()
    hops, accepted = np.zeros(len(at)), np.ones(len(at), bool)
    # One by one: each start depends on all that came before, and with forwarding on every queue.
    for i in np.argsort(arrival_s, kind="stable").tolist():
        if work[i] <= 0.0:
            continue
        m, ready = at[i], arrive[i]
        cores = free[m]
        earliest = min(cores)
        if not works[m] or (live_mesh and earliest - ready > FORWARD_MARGIN_S + hop[i]):
            k, soonest = _least_loaded(reachable[m], free)
            if not works[m] or _pays(earliest - ready, soonest - ready, hop[i]):
                server[i] = k
                if k < 0:
                    accepted[i], service[i] = False, 0.0
                    continue
                hops[i], ready = hop[i], ready + hop[i]
                cores, earliest, service[i] = free[k], soonest, work[i] / clock[k]
        start[i] = begin = earliest if earliest > ready else ready
        end = begin + service[i]
        if begin - ready > LONGEST_WAIT_S or (admission and end > latest[i]):
            accepted[i] = False
        else:
            cores[cores.index(earliest)] = end
    start_s = np.array(start, float)
    return Served(
        start_s=start_s,
        finish_s=start_s + np.array(service, float),
        wait_s=start_s - (arrival_s + hops),
        hop_s=hops,
        server=server,
        accepted=accepted,
        forwarded=(server != rsu) & (server >= 0),
        free_s=np.array(free, float).reshape(free_s.shape),
    )


def _reachable(neighbours: Ints, up: Bools) -> list[list[int]]:
    """The neighbours of each RSU that work."""
    works = up.tolist()
    return [[k for k in row if k >= 0 and works[k]] for row in neighbours.tolist()]


def _pays(wait_here_s: float, wait_there_s: float, hop: float) -> bool:
    """MODEL A3.8: W_m > W_k + hop + theta."""
    return wait_here_s > max(wait_there_s, 0.0) + hop + FORWARD_MARGIN_S


def _least_loaded(candidates: list[int], free: list[list[float]]) -> tuple[int, float]:
    """The RSU whose earliest core is free soonest and that time; (-1, inf) without candidates."""
    best, soonest = -1, float("inf")
    for k in candidates:
        earliest = min(free[k])
        if earliest < soonest:
            best, soonest = k, earliest
    return best, soonest
