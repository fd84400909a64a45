"""Where the share goes if the scheme does not say: the rule of MODEL A3.7 and A3.8."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.physics.edge_queue import HOP_LATENCY_S
from engine.physics.neighbours import Helpers
from engine.physics.offloading import RESULT_SHARE, Overhead
from engine.physics.split import shortest_delay
from engine.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Believed:
    """What the decision maker believes of its way to the edge, by the twins, (k,) and (M,).

    Attributes:
        cycles, data_bits, deadline_s, cpu_hz: the vehicle's own, fresh, (k,).
        rate_bps: to the serving RSU as the twin has it, 0 if none, (k,).
        core_hz, backlog_s, mean_wait_s, mesh_rate_bps: f_m, W_m, hw_m, r_m of the RSU twins, (M,).
        up: of the RSU twins, (M,). neighbours: the mesh, (M, 4).
    """

    cycles: Floats
    data_bits: Floats
    deadline_s: Floats
    cpu_hz: Floats
    rate_bps: Floats
    core_hz: Floats
    backlog_s: Floats
    mean_wait_s: Floats
    mesh_rate_bps: Floats
    up: Bools
    neighbours: Ints

    def of(self, tasks: Ints) -> Believed:
        """The same for some of the tasks alone."""
        return replace(
            self,
            cycles=self.cycles[tasks],
            data_bits=self.data_bits[tasks],
            deadline_s=self.deadline_s[tasks],
            cpu_hz=self.cpu_hz[tasks],
            rate_bps=self.rate_bps[tasks],
        )


def estimate(
    known: Believed, serving: Ints, target: Ints, wait_s: Floats, overhead: Overhead
) -> Floats:
    """Shortest delay expected of each task at a target RSU, infinite where it cannot be reached.

    Args:
        known: the twins' word.
        serving: attached to, -1 for none, (k,).
        target: RSU in question, -1 for none, (..., k).
        wait_s: expected at every RSU, (M,).
        overhead: of the twins.
    """
    linked = known.rate_bps > 0.0
    radio = np.where(linked, known.rate_bps, 1.0)
    away = target != serving
    a = known.cycles / known.cpu_hz
    hop_b = np.where(away, known.data_bits / known.mesh_rate_bps[serving], 0.0)
    b = known.data_bits / radio + known.cycles / known.core_hz[target] + hop_b
    hop_c = np.where(away, HOP_LATENCY_S, 0.0)
    c = RESULT_SHARE * known.data_bits / radio + overhead.twin_s + hop_c + wait_s[target]
    reachable = linked & (target >= 0) & (serving >= 0) & known.up[target]
    return np.where(reachable, shortest_delay(a, b, c), np.inf)


def around(known: Believed, serving: Ints, overhead: Overhead) -> Ints:
    """The RSU each vehicle sends to when it re-routes from its own stale twins, (k,).

    The serving RSU, unless it is down or the task is expected to miss its deadline there; then its
    mesh neighbour with the shortest expected delay, MODEL A3.7 (c). A task that is expected to be
    late everywhere stays: a crowd of lost causes would only bury the neighbour.

    Args:
        known: the twins' word.
        serving: attached to, -1 for none, (k,).
        overhead: of the twins.
    """
    here = estimate(known, serving, serving, known.backlog_s, overhead)
    late = np.flatnonzero((serving >= 0) & (here > known.deadline_s))
    if not len(late):
        return serving
    theirs, at = known.of(late), serving[late]
    beside = known.neighbours[at].T  # (4, late)
    there = estimate(theirs, at, beside, known.backlog_s, overhead)
    best = np.argmin(there, axis=0), np.arange(len(late))
    soonest = there[best]
    rescued = (soonest <= theirs.deadline_s) | (np.isinf(here[late]) & np.isfinite(soonest))
    routed = serving.copy()
    routed[late[rescued]] = beside[best][rescued]
    return routed


def asks_helper(
    known: Believed,
    serving: Ints,
    helpers: Helpers,
    rows: Ints,
    host_hz: Floats,
    overhead: Overhead,
) -> Bools:
    """Which tasks go to their neighbour vehicle: it is expected to be faster than the RSU, A3.7.

    Args:
        known: the twins' word.
        serving: attached to, (k,).
        helpers: of the scene.
        rows: row of each task in the scene, (k,).
        host_hz: f of each task's helper, any if none, (k,).
        overhead: of the twins.
    """
    found = helpers.row[rows] >= 0
    radio = np.where(found, helpers.expected_bps[rows], 1.0)
    a = known.cycles / known.cpu_hz
    b = known.data_bits / radio + known.cycles / host_hz
    c = RESULT_SHARE * known.data_bits / radio + overhead.twin_s
    at_rsu = estimate(known, serving, serving, known.mean_wait_s, overhead)
    return found & (shortest_delay(a, b, c) < at_rsu)
