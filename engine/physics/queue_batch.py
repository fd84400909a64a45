"""Many candidate decisions of one step through the RSU queues at once, MODEL A3.4 and A3.8.

Row b of every result is bit for bit what `edge_queue.serve` gives for candidate b: searches and
the inspector may trust it as they trust the engine. While no RSU hands work on, the queues do not
see one another and each is stepped along its own sub-tasks; only candidates in which one does are
stepped along all sub-tasks in the order of their arrival.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.physics.edge_queue import (
    FORWARD_MARGIN_S,
    HOP_LATENCY_S,
    LONGEST_WAIT_S,
    Served,
)
from engine.types import Bools, Floats, Ints


@dataclass(frozen=True)
class _Batch:
    """The arguments of `serve_batch` for some candidates, of full shape (B, k) and (B, M, K)."""

    rsu: Ints
    arrival_s: Floats
    cycles: Floats
    data_bits: Floats
    latest_finish_s: Floats
    free_s: Floats
    cpu_hz: Floats
    up: Bools
    neighbours: Ints
    mesh_rate_bps: Floats
    admission: bool


def serve_batch(
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
    """Serve B candidate decisions; each on its own copy of the queues.

    Args:
        rsu: where each sub-task arrives, (k,) or (B, k).
        arrival_s: `ready` there, (B, k).
        cycles: rho C, (B, k).
        data_bits: rho D, (B, k).
        latest_finish_s: for admission control, (k,) or (B, k).
        free_s: time until each core is free at the start of the step, (M, K) or (B, M, K).
        cpu_hz: clock of one core, (M,).
        up: computing works, (M,).
        neighbours: the mesh, -1 where there is none, (M, 4).
        mesh_rate_bps: of each RSU's links, (M,).
        live_mesh: RSUs re-route on their live queues.
        admission: refuse what would finish after `latest_finish_s`.

    Returns:
        As `serve`, with (B, k) and `free_s` (B, M, K).
    """
    shape = arrival_s.shape
    batch = _Batch(
        rsu=np.ascontiguousarray(np.broadcast_to(rsu, shape)),
        arrival_s=arrival_s,
        cycles=cycles,
        data_bits=data_bits,
        latest_finish_s=np.broadcast_to(latest_finish_s, shape),
        free_s=np.broadcast_to(free_s, (len(arrival_s), *free_s.shape[-2:])),
        cpu_hz=cpu_hz,
        up=up,
        neighbours=neighbours,
        mesh_rate_bps=mesh_rate_bps,
        admission=admission,
    )
    works = cycles > 0.0
    lost = works & ~up[batch.rsu]
    served = _apart(batch)
    if live_mesh:
        hop = HOP_LATENCY_S + data_bits / mesh_rate_bps[batch.rsu]
        lost |= works & (served.wait_s > FORWARD_MARGIN_S + hop)
    coupled = np.flatnonzero(lost.any(axis=1))
    if coupled.size:
        _overwrite_(served, coupled, _together(_rows(batch, coupled), live_mesh=live_mesh))
    return served


def _rows(batch: _Batch, rows: Ints) -> _Batch:
    """The candidates `rows` of a batch."""
    return _Batch(
        rsu=batch.rsu[rows],
        arrival_s=batch.arrival_s[rows],
        cycles=batch.cycles[rows],
        data_bits=batch.data_bits[rows],
        latest_finish_s=batch.latest_finish_s[rows],
        free_s=batch.free_s[rows],
        cpu_hz=batch.cpu_hz,
        up=batch.up,
        neighbours=batch.neighbours,
        mesh_rate_bps=batch.mesh_rate_bps,
        admission=batch.admission,
    )


def _overwrite_(served: Served, rows: Ints, by: Served) -> None:
    """Put the candidates of `by` into `rows` of `served`, in place."""
    for name in Served.__dataclass_fields__:
        getattr(served, name)[rows] = getattr(by, name)


def _apart(batch: _Batch) -> Served:
    """Every RSU by itself: step along the queue positions, all candidates and RSUs at once."""
    n_rows, n_rsus, n_cores = batch.free_s.shape
    task, lane, place = _places(batch)
    lanes = n_rows * n_rsus
    spot = place * lanes + lane
    # Padded to (position, candidate x RSU). An empty place has come for ever and has no work: it
    # would have waited too long, so it is refused and leaves no trace.
    shape = int(place.max(initial=-1)) + 1, lanes
    arrive, took = np.full(shape, -np.inf), np.zeros(shape)
    arrive.ravel()[spot] = batch.arrival_s.ravel()[task]
    took.ravel()[spot] = batch.cycles.ravel()[task] / batch.cpu_hz[lane % n_rsus]
    latest = np.zeros(shape)
    if batch.admission:
        latest.ravel()[spot] = batch.latest_finish_s.ravel()[task]
    free = batch.free_s.reshape(lanes, n_cores).copy()
    begin, wait, end = np.empty(shape), np.empty(shape), np.empty(shape)
    accept = np.empty(shape, bool)
    every = np.arange(lanes)
    for at in range(shape[0]):
        core = free.argmin(axis=1) if n_cores > 1 else 0
        earliest = free[every, core] if n_cores > 1 else free[:, 0]
        np.maximum(earliest, arrive[at], out=begin[at])
        np.subtract(begin[at], arrive[at], out=wait[at])
        np.add(begin[at], took[at], out=end[at])
        np.less_equal(wait[at], LONGEST_WAIT_S, out=accept[at])
        if batch.admission:
            accept[at] &= end[at] <= latest[at]
        if n_cores > 1:
            free[every, core] = np.where(accept[at], end[at], earliest)
        else:
            np.copyto(earliest, end[at], where=accept[at])
    served = _untouched(batch, free.reshape(n_rows, n_rsus, n_cores))
    served.start_s.ravel()[task] = begin.ravel()[spot]
    served.finish_s.ravel()[task] = end.ravel()[spot]
    served.wait_s.ravel()[task] = wait.ravel()[spot]
    served.accepted.ravel()[task] = accept.ravel()[spot]
    return served


def _places(batch: _Batch) -> tuple[Ints, Ints, Ints]:
    """Of every sub-task with work: its flat index, the flat index of its queue, its place there.

    Sub-tasks come sorted by candidate, RSU and arrival.
    """
    n_rows, k = batch.arrival_s.shape
    n_rsus = batch.free_s.shape[1]
    first = np.arange(n_rows)[:, None] * k
    by_time = np.argsort(batch.arrival_s, axis=1, kind="stable") + first
    at = np.where(batch.cycles > 0.0, batch.rsu, n_rsus).astype(np.int16).ravel()[by_time]
    by_rsu = np.argsort(at, axis=1, kind="stable") + first  # 16 bits: sorted by radix
    task, at = by_time.ravel()[by_rsu], at.ravel()[by_rsu]
    works = np.flatnonzero(at < n_rsus)
    task = task.ravel()[works]
    lane = works // max(k, 1) * n_rsus + at.ravel()[works]
    index = np.arange(len(lane))
    opens = np.ones(len(lane), bool)
    opens[1:] = lane[1:] != lane[:-1]
    return task, lane, index - np.maximum.accumulate(np.where(opens, index, 0))


def _untouched(batch: _Batch, free_s: Floats) -> Served:
    """What sub-tasks without work leave: through at once, accepted where they came."""
    shape = batch.arrival_s.shape
    return Served(
        start_s=batch.arrival_s.copy(),
        finish_s=batch.arrival_s.copy(),
        wait_s=np.zeros(shape),
        hop_s=np.zeros(shape),
        server=batch.rsu.astype(np.int64),
        accepted=np.ones(shape, bool),
        forwarded=np.zeros(shape, bool),
        free_s=free_s,
    )


def _together(batch: _Batch, *, live_mesh: bool) -> Served:
    """All queues in one order of time: step along the sub-tasks, all candidates at once."""
    n_rows, n_rsus, n_cores = batch.free_s.shape
    works = batch.cycles > 0.0
    order = np.argsort(np.where(works, batch.arrival_s, np.inf), axis=1, kind="stable")
    # One more RSU that is never free stands for "no neighbour" in the gathers below.
    never = np.full((n_rows, 1, n_cores), np.inf)
    free = np.concatenate([batch.free_s, never], axis=1)
    reachable = np.where(
        (batch.neighbours >= 0) & batch.up[batch.neighbours], batch.neighbours, n_rsus
    )
    served = _untouched(batch, free[:, :n_rsus])
    for spot in range(int(works.sum(axis=1).max(initial=0))):
        column = order[:, spot]
        rows = np.flatnonzero(works[np.arange(n_rows), column])
        column = column[rows]
        _serve_one_(served, batch, rows, column, free, reachable, live_mesh=live_mesh)
    return served


def _serve_one_(
    served: Served,
    batch: _Batch,
    rows: Ints,
    column: Ints,
    free: Floats,
    reachable: Ints,
    *,
    live_mesh: bool,
) -> None:
    """Serve sub-task `column[i]` of candidate `rows[i]`; writes into `served` and `free`."""
    server = batch.rsu[rows, column]
    ready = batch.arrival_s[rows, column]
    hop = HOP_LATENCY_S + batch.data_bits[rows, column] / batch.mesh_rate_bps[server]
    earliest = free[rows, server].min(axis=1)
    down = ~batch.up[server]
    asks = np.flatnonzero(down | (live_mesh & (earliest - ready > FORWARD_MARGIN_S + hop)))
    if asks.size:
        doors = reachable[server[asks]]
        door_free = free[rows[asks, None], doors].min(axis=2)
        choice = door_free.argmin(axis=1)
        soonest = door_free[np.arange(asks.size), choice]
        wait_there = np.maximum(soonest - ready[asks], 0.0)
        pays = earliest[asks] - ready[asks] > wait_there + hop[asks] + FORWARD_MARGIN_S
        goes = down[asks] | pays
        sent, to = asks[goes], doors[goes, choice[goes]]
        earliest[sent] = soonest[goes]
        server[sent] = np.where(np.isfinite(soonest[goes]), to, -1)
        ready[sent] += hop[sent]
        served.forwarded[rows[sent], column[sent]] = server[sent] >= 0
        served.server[rows[sent], column[sent]] = server[sent]
        served.hop_s[rows[sent], column[sent]] = hop[sent]
        _turn_away_(served, rows, column, server < 0)
        kept = server >= 0
        rows, column, server = rows[kept], column[kept], server[kept]
        ready, earliest = ready[kept], earliest[kept]
    begin = np.maximum(earliest, ready)
    end = begin + batch.cycles[rows, column] / batch.cpu_hz[server]
    accept = begin - ready <= LONGEST_WAIT_S
    if batch.admission:
        accept &= end <= batch.latest_finish_s[rows, column]
    core = free[rows, server].argmin(axis=1)
    free[rows[accept], server[accept], core[accept]] = end[accept]
    served.start_s[rows, column] = begin
    served.finish_s[rows, column] = end
    served.wait_s[rows, column] = begin - ready
    served.accepted[rows, column] = accept


def _turn_away_(served: Served, rows: Ints, column: Ints, nobody: Bools) -> None:
    """Refuse where no RSU that works could be reached."""
    served.accepted[rows[nobody], column[nobody]] = False
    served.hop_s[rows[nobody], column[nobody]] = 0.0
