"""The no-contention lower bound: every task alone in the city, MODEL's reference `bound`.

Each task gets its true rate, empty queues and the best of all servers at its best share, which is
a closed form. Nothing that any scheme can decide costs a task less.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.params import Params
from engine.physics import literal, offloading
from engine.physics.candidates import work_of
from engine.physics.edge_queue import hop_s
from engine.physics.neighbours import Helpers
from engine.physics.offers import Offer, offer
from engine.physics.offloading import Overhead, Parts, Work
from engine.types import Floats, Ints, Outcome, Rsus, Scene


@dataclass(frozen=True)
class _Choice:
    """The best server of each task and the share it gets, (k,).

    Attributes:
        rho: best share, 0 for staying local.
        target: RSU it is sent to, -1 for none. server: RSU that computes it, -1 for none.
        guest: row of the helper vehicle that computes it instead, -1 for none.
    """

    rho: Floats
    target: Ints
    server: Ints
    guest: Ints


def lone(scene: Scene, params: Params, helpers: Helpers) -> Outcome:
    """What every task would cost if it were the only one, (n,) arrays; zeros without a task.

    Args:
        scene: the step's scene.
        params: in force.
        helpers: who may help whom; counted if `v2v` is on.
    """
    work = work_of(scene, scene.battery_j)
    overhead = Overhead.of(params)
    if params.equations == "paper-literal":
        none = np.zeros(len(work.row))
        # As printed every term grows with rho, so nothing beats keeping all local, MODEL A3.11.
        parts = literal.outcomes(work, none, scene.rsus.cpu_hz[work.serving], none, overhead)
        nowhere = np.full(len(work.row), -1)
        return _outcome(scene, work, _Choice(none, nowhere, nowhere, nowhere), parts)
    choice = _at_rsus(work, scene.rsus, overhead, live_mesh=params.mesh == "live")
    if params.v2v:
        choice = _or_helper(work, scene, helpers, choice, overhead)
    return _outcome(scene, work, choice, _parts(work, scene, helpers, choice, overhead))


def _at_rsus(work: Work, rsus: Rsus, overhead: Overhead, *, live_mesh: bool) -> _Choice:
    """The best RSU: any target over the mesh, and whoever that could pass the share on to."""
    target, server = _routes(rsus, live_mesh=live_mesh)  # (P,)
    reached = work.serving >= 0
    away = target != work.serving[:, None]
    passed = server != target
    first, second = 1.0 / rsus.mesh_rate_bps[work.serving], 1.0 / rsus.mesh_rate_bps[target]
    deal = _offer_to(
        work,
        np.where(reached, work.rate_bps, 1.0),
        rsus.cpu_hz[server],
        rsus.unit_price[target],
        overhead,
        hops=away + 1.0 * passed,
        mesh_s_per_bit=away * first[:, None] + passed * second,
    )
    if not target.size:
        nowhere = np.full(len(reached), -1)
        return _Choice(np.zeros(len(reached)), nowhere, nowhere, nowhere)
    rho, cost = deal.cheapest()
    best, tasks = np.argmin(cost, axis=1), np.arange(len(reached))
    rho = np.where(reached, rho[tasks, best], 0.0)
    sent = rho > 0.0
    return _Choice(
        rho=rho,
        target=np.where(sent, target[best], -1),
        server=np.where(sent, server[best], -1),
        guest=np.full(len(rho), -1),
    )


def _routes(rsus: Rsus, *, live_mesh: bool) -> tuple[Ints, Ints]:
    """Every (target, server) that the mesh allows, (P,) each.

    An RSU computes itself if it is up; it may pass work to a neighbour with a live mesh, and must
    if it is down.
    """
    every = np.arange(len(rsus.up))
    own = every[rsus.up]
    may_pass = np.ones(len(every), bool) if live_mesh else ~rsus.up
    source, side = np.nonzero(may_pass[:, None] & (rsus.neighbours >= 0))
    to = rsus.neighbours[source, side]
    works = rsus.up[to]
    return np.concatenate([own, source[works]]), np.concatenate([own, to[works]])


def _offer_to(
    work: Work,
    rate_bps: Floats,
    core_hz: Floats,
    unit_price: Floats,
    overhead: Overhead,
    *,
    hops: Floats,
    mesh_s_per_bit: Floats,
) -> Offer:
    """Offers of P routes to k tasks, (k, P)."""
    return offer(
        work.data_bits[:, None],
        work.cycles[:, None],
        work.deadline_s[:, None],
        work.cpu_hz[:, None],
        rate_bps[:, None],
        core_hz,
        unit_price,
        overhead,
        hops=hops,
        mesh_s_per_bit=mesh_s_per_bit,
    )


def _or_helper(
    work: Work, scene: Scene, helpers: Helpers, choice: _Choice, overhead: Overhead
) -> _Choice:
    """The helper vehicle instead, where that is cheaper still."""
    host = helpers.row[work.row]
    linked = helpers.rate_bps[work.row] > 0.0
    deal = offer(
        work.data_bits,
        work.cycles,
        work.deadline_s,
        work.cpu_hz,
        np.where(linked, helpers.rate_bps[work.row], 1.0),
        scene.cpu_hz[host],
        offloading.V2V_PRICE,
        overhead,
        j_per_cycle=offloading.VEHICLE_J_PER_CYCLE,
    )
    rho, cost = deal.cheapest()
    without = _parts(work, scene, helpers, choice, overhead).cost
    better = (host >= 0) & linked & (cost < without)
    return _Choice(
        rho=np.where(better, rho, choice.rho),
        target=np.where(better, -1, choice.target),
        server=np.where(better, -1, choice.server),
        guest=np.where(better, host, -1),
    )


def _parts(
    work: Work, scene: Scene, helpers: Helpers, choice: _Choice, overhead: Overhead
) -> Parts:
    """The choice put through the engine's own equations, with nobody waiting."""
    rsus, guest = scene.rsus, choice.guest >= 0
    rate_bps = np.where(guest, helpers.rate_bps[work.row], work.rate_bps)
    away = (choice.target != work.serving) & (choice.target >= 0)
    way = offloading.upload(work, choice.rho, rate_bps, away, rsus.mesh_rate_bps[work.serving])
    passed = (choice.server != choice.target) & (choice.rho > 0.0)
    second = hop_s(choice.rho * work.data_bits, rsus.mesh_rate_bps[choice.target])
    return offloading.compose(
        work,
        choice.rho,
        rate_bps,
        way,
        accepted=np.ones(len(guest), bool),
        wait_s=np.zeros(len(guest)),
        hop_s=np.where(passed, second, 0.0),
        core_hz=np.where(guest, scene.cpu_hz[choice.guest], rsus.cpu_hz[choice.server]),
        unit_price=np.where(guest, offloading.V2V_PRICE, rsus.unit_price[choice.target]),
        j_per_cycle=np.where(guest, offloading.VEHICLE_J_PER_CYCLE, offloading.RSU_J_PER_CYCLE),
        overhead=overhead,
    )


def _outcome(scene: Scene, work: Work, choice: _Choice, parts: Parts) -> Outcome:
    """Spread over the vehicles, (n,)."""
    n = len(scene.vehicle)

    def spread(values: Floats) -> Floats:
        full = np.zeros(n)
        full[work.row] = values
        return full

    def indices(values: Ints) -> Ints:
        full = np.full(n, -1)
        full[work.row] = values
        return full

    success = np.zeros(n, bool)
    success[work.row] = parts.delay_s <= work.deadline_s
    numbers = {f.name: spread(getattr(parts, f.name)) for f in fields(Parts) if f.name != "edge_s"}
    return Outcome(
        rho=spread(choice.rho),
        target=indices(choice.server),
        helper=indices(choice.guest),
        mandated=np.zeros(n, bool),
        forwarded=np.zeros(n, bool),
        rejected=np.zeros(n, bool),
        success=success,
        toll=np.zeros(n),
        **numbers,
    )
