"""What a server offers a task: its expected cost as a closed form of rho, MODEL A3.4-A3.5.

With the wait given, Omega is linear in rho but for one kink, so an offer is five numbers. The lower
bound, the search for the best schedule and the curves of the inspector all read from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.physics.channel import TX_POWER_W
from engine.physics.edge_queue import HOP_LATENCY_S
from engine.physics.offloading import (
    ENERGY_SCALE_J,
    PRICE_SCALE,
    RESULT_SHARE,
    RSU_J_PER_CYCLE,
    VEHICLE_J_PER_CYCLE,
    Overhead,
)
from engine.physics.split import cheapest_share
from engine.types import Floats, Ints


@dataclass(frozen=True)
class Offer:
    """Expected cost of a task at a server; all of one broadcast shape.

    Attributes:
        base: Omega with everything kept local.
        a_s: time of the whole task on the vehicle. b_s: time of the server's way a unit of rho.
        c_s: time of the server's way whatever rho, without waiting.
        slope: cost besides time that a unit of rho adds. fixed: what any rho > 0 adds.
        deadline_s: T.
    """

    base: Floats
    a_s: Floats
    b_s: Floats
    c_s: Floats
    slope: Floats
    fixed: Floats
    deadline_s: Floats

    def at(self, index: tuple[Ints, ...]) -> Offer:
        """The offers at an index, of the shape of the index."""
        return Offer(*(getattr(self, f.name)[index] for f in fields(Offer)))

    def cost(self, rho: Floats, wait_s: Floats | float = 0.0) -> Floats:
        """Omega at rho if the queue takes `wait_s`; shapes broadcast."""
        edge = rho * self.b_s + self.c_s + wait_s
        slower = np.maximum((1.0 - rho) * self.a_s, edge) - self.a_s
        added = slower / self.deadline_s + self.slope * rho + self.fixed
        return self.base + np.where(rho > 0.0, added, 0.0)

    def cheapest(
        self, wait_s: Floats | float = 0.0, toll: Floats | float = 0.0
    ) -> tuple[Floats, Floats]:
        """The best rho and its Omega, exactly.

        Args:
            wait_s: in the queue.
            toll: counted on top of the cost for every unit of rho; it is in the Omega returned.
        """
        rho, gain = cheapest_share(
            self.a_s, self.b_s, self.c_s + wait_s, self.deadline_s, self.slope + toll, self.fixed
        )
        return rho, self.base + gain


def offer(
    data_bits: Floats,
    cycles: Floats,
    deadline_s: Floats,
    cpu_hz: Floats,
    rate_bps: Floats,
    core_hz: Floats,
    unit_price: Floats | float,
    overhead: Overhead,
    *,
    hops: Floats | float = 0.0,
    mesh_s_per_bit: Floats | float = 0.0,
    j_per_cycle: float = RSU_J_PER_CYCLE,
) -> Offer:
    """The offer of a server, eqs. (5)-(22) as MODEL A3.4-A3.5 has them; all shapes broadcast.

    Args:
        data_bits: D.
        cycles: C.
        deadline_s: T.
        cpu_hz: f_n.
        rate_bps: of the radio link, above 0.
        core_hz: clock of the core or vehicle that computes.
        unit_price: p.
        overhead: of the twins.
        hops: times the share crosses the mesh.
        mesh_s_per_bit: 1 / r_mesh of those links, summed.
        j_per_cycle: kappa' of the server.
    """
    a, up = cycles / cpu_hz, data_bits / rate_bps
    down = RESULT_SHARE * up
    b = up + cycles / core_hz + data_bits * mesh_s_per_bit
    c = overhead.twin_s + hops * HOP_LATENCY_S
    radio_j = TX_POWER_W * up
    fixed = TX_POWER_W * down / ENERGY_SCALE_J
    if overhead.share_result:
        b, radio_j, fixed = b + down, radio_j + TX_POWER_W * down, 0.0 * down
    else:
        c = c + down
    joules = radio_j + (j_per_cycle - VEHICLE_J_PER_CYCLE) * cycles
    energy_base = (VEHICLE_J_PER_CYCLE * cycles + overhead.twin_j) / ENERGY_SCALE_J
    arrays = np.broadcast_arrays(
        a / deadline_s + energy_base,
        a,
        b,
        c,
        joules / ENERGY_SCALE_J + unit_price / PRICE_SCALE,
        fixed,
        deadline_s,
    )
    return Offer(*arrays)
