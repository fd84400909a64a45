"""Many candidate plans for the same step, settled at once: `settle.settle` with a leading axis.

What the reference `best` searches through and what the inspector draws; the arithmetic is that of
`settle`, so the row that is chosen costs exactly what the engine then makes it cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.physics import offloading
from engine.physics.offloading import Overhead, Parts, Work
from engine.physics.queue_batch import serve_batch
from engine.types import Bools, Floats, Ints, Rsus, Scene


@dataclass(frozen=True)
class Stage:
    """A step in which only the decisions are open.

    Attributes:
        work: the tasks, (k,).
        rsus: the RSUs, `up` as it holds for this arm.
        free_s: time until each core is free at the start of the step, (M, K).
        overhead: of the twins.
        live_mesh: RSUs re-route on their live queues.
        admission: RSUs refuse what would miss its deadline.
        host_bps: true rate to the helper each task may ask, 0 if none, (k,).
        host_hz: clock of that helper, (k,).
    """

    work: Work
    rsus: Rsus
    free_s: Floats
    overhead: Overhead
    live_mesh: bool
    admission: bool
    host_bps: Floats
    host_hz: Floats


def work_of(scene: Scene, battery_j: Floats) -> Work:
    """The tasks of a scene, one row each.

    Args:
        scene: the step's.
        battery_j: left in each vehicle, (n,).
    """
    row = np.flatnonzero(scene.has_task)
    serving = scene.serving[row]
    return Work(
        row=row,
        phase_s=scene.phase_s[row],
        data_bits=scene.data_bits[row],
        cycles=scene.cycles[row],
        deadline_s=scene.deadline_s[row],
        cpu_hz=scene.cpu_hz[row],
        battery_j=battery_j[row],
        serving=serving,
        rate_bps=np.where(serving >= 0, scene.rate_bps[row, serving], 0.0),
    )


@dataclass(frozen=True)
class Settled:
    """What becomes of each candidate.

    Attributes:
        parts: delay, energy, price, cost of each task, (B, k).
        server: RSU that computed the share or refused it, -1 for none or a vehicle, (B, k).
        accepted: the share was computed away; True where nothing was queued, (B, k).
        forwarded: an RSU passed it on, (B, k).
        arrival_s: at the RSU that served it, (B, k).
        free_s: when each core is free, from the start of this step, (B, M, K).
    """

    parts: Parts
    server: Ints
    accepted: Bools
    forwarded: Bools
    arrival_s: Floats
    free_s: Floats


def settle_batch(stage: Stage, rho: Floats, target: Ints, guest: Bools) -> Settled:
    """Settle B plans, each on its own copy of the queues.

    Args:
        stage: the step.
        rho: fraction in force, (B, k).
        target: RSU each share is sent to, -1 for none, (B, k).
        guest: it is sent to the helper instead, (B, k).

    Returns:
        Row b is what `settle.settle` makes of plan b.
    """
    work, rsus = stage.work, stage.rsus
    rate_bps = np.where(guest, stage.host_bps, work.rate_bps)
    hops = (target != work.serving) & ~guest
    way = offloading.upload(work, rho, rate_bps, hops, rsus.mesh_rate_bps[work.serving])
    queued = (rho > 0.0) & ~guest & (target >= 0)
    served = serve_batch(
        np.maximum(target, 0),
        way.arrival_s,
        np.where(queued, rho * work.cycles, 0.0),
        np.where(queued, rho * work.data_bits, 0.0),
        offloading.latest_finish(work, rho, rate_bps, stage.overhead) if stage.admission
        else work.deadline_s,
        stage.free_s,
        rsus.cpu_hz,
        rsus.up,
        rsus.neighbours,
        rsus.mesh_rate_bps,
        live_mesh=stage.live_mesh,
        admission=stage.admission,
    )  # fmt: skip
    server = np.where(queued, served.server, -1)
    parts = offloading.compose(
        work,
        rho,
        rate_bps,
        way,
        accepted=served.accepted,
        wait_s=served.wait_s,
        hop_s=served.hop_s,
        core_hz=np.where(guest, stage.host_hz, rsus.cpu_hz[server]),
        unit_price=np.where(guest, offloading.V2V_PRICE, rsus.unit_price[target]),
        j_per_cycle=np.where(guest, offloading.VEHICLE_J_PER_CYCLE, offloading.RSU_J_PER_CYCLE),
        overhead=stage.overhead,
    )
    return Settled(
        parts=parts,
        server=server,
        accepted=served.accepted,
        forwarded=served.forwarded,
        arrival_s=way.arrival_s + served.hop_s,
        free_s=served.free_s,
    )
