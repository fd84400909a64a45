"""The same tasks settled under several plans, each in a city of its own, in one pass of arrays.

Cities stand side by side: RSU m of city a is number a M + m. A step of a few hundred tasks costs
mostly the calls, not the numbers, so three cities at once cost little more than one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.physics.offloading import Overhead, Parts, Work
from engine.physics.settle import Plan, Settled, settle
from engine.types import Floats, Ints, Rsus

_PARTS = tuple(field.name for field in dataclasses.fields(Parts))
_OF_TASKS = ("accepted", "rejected", "forwarded", "toll")
_OF_RSUS = ("asked", "requests", "wait_s", "offered_cycles", "served_cycles", "free_s")
_OF_WORK = tuple(field.name for field in dataclasses.fields(Work) if field.name != "serving")


def settle_arms(
    work: Work,
    plans: Sequence[Plan],
    rsus: Sequence[Rsus],
    free_s: Sequence[Floats],
    overhead: Overhead,
    *,
    live_mesh: bool,
    admission: bool,
) -> Settled:
    """What `settle` gives for each plan, bit for bit, with an axis of cities in front.

    Args:
        work: the tasks, (k,).
        plans: what each city does with them.
        rsus: of each city; they differ in `up` alone.
        free_s: time until each core is free in each city, (M, K).
        overhead: of the twins.
        live_mesh: as of `settle`.
        admission: as there.
    """
    begin = np.arange(len(plans))[:, None] * len(rsus[0].cpu_hz)  # (cities, 1)
    settled = settle(
        _works(work, begin),
        _plan(plans, begin),
        _rsus(rsus, begin),
        np.concatenate(free_s),
        overhead,
        live_mesh=live_mesh,
        admission=admission,
        cities=len(plans),
    )
    return _cities(settled, begin)


def stacked(settled: Sequence[Settled]) -> Settled:
    """One for each city as one for all, with an axis of cities in front."""
    parts = {name: np.stack([getattr(each.parts, name) for each in settled]) for name in _PARTS}
    others = ("server", *_OF_TASKS, *_OF_RSUS)
    return Settled(
        parts=Parts(**parts),
        **{name: np.stack([getattr(each, name) for each in settled]) for name in others},
    )


def _works(work: Work, begin: Ints) -> Work:
    """The tasks of every city."""
    cities = len(begin)
    # Not np.tile, which takes several times as long.
    columns = {name: np.concatenate([getattr(work, name)] * cities) for name in _OF_WORK}
    return Work(serving=_numbered(np.array([work.serving] * cities), begin), **columns)


def _plan(plans: Sequence[Plan], begin: Ints) -> Plan:
    return Plan(
        rho=np.concatenate([plan.rho for plan in plans]),
        target=_numbered(np.array([plan.target for plan in plans]), begin),
        guest=np.concatenate([plan.guest for plan in plans]),
        host_bps=np.concatenate([plan.host_bps for plan in plans]),
        host_hz=np.concatenate([plan.host_hz for plan in plans]),
    )


def _rsus(rsus: Sequence[Rsus], begin: Ints) -> Rsus:
    one, cities = rsus[0], len(rsus)
    near = _numbered(np.array([one.neighbours.ravel()] * cities), begin)
    return Rsus(
        position_m=np.concatenate([one.position_m] * cities),
        cpu_hz=np.concatenate([one.cpu_hz] * cities),
        unit_price=np.concatenate([one.unit_price] * cities),
        cores=one.cores,
        mesh_rate_bps=np.concatenate([one.mesh_rate_bps] * cities),
        neighbours=near.reshape(-1, one.neighbours.shape[1]),
        up=np.concatenate([each.up for each in rsus]),
        battery_j=np.concatenate([one.battery_j] * cities),
    )


def _numbered(at: Ints, begin: Ints) -> Ints:
    """Indices of each city's RSUs, (cities, k), as they stand side by side, -1 as it is."""
    return np.where(at >= 0, at + begin, -1).ravel()


def _cities(settled: Settled, begin: Ints) -> Settled:
    """With an axis of cities in front."""
    cities = len(begin)
    server = settled.server.reshape(cities, -1)
    parts = {name: getattr(settled.parts, name).reshape(cities, -1) for name in _PARTS}
    tasks = {name: getattr(settled, name).reshape(cities, -1) for name in _OF_TASKS}
    rsus: dict[str, Any] = {}
    for name in _OF_RSUS:
        value = getattr(settled, name)
        rsus[name] = value.reshape(cities, -1, *value.shape[1:])
    return Settled(
        parts=Parts(**parts), server=np.where(server >= 0, server - begin, -1), **tasks, **rsus
    )
