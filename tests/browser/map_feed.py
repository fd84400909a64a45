"""Frames for the map's tests: made-up traffic on the real roads, in the engine's encoding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from engine import wire
from engine.mobility.city import rsu_positions, static_city
from engine.types import Floats, Ints, Outcome, Rsus, Scene

RANGE_M = 1000.0
RUN = "a run"
VEHICLES = 200
DOWN = (7,)  # the RSUs that fail
DOWN_FROM = 10  # the frame from which on they do


@dataclass
class Traffic:
    """Where vehicles are at one step."""

    t_s: float
    slot: Ints
    position_m: Floats
    velocity_mps: Floats
    kind: Ints
    fresh: np.ndarray


def drive(roads: list[dict], vehicles: int, steps: int, seed: int = 0) -> list[Traffic]:
    """Vehicles that run up and down one road each at constant speed, slots in no order."""
    rng = np.random.default_rng(seed)
    lines = [np.reshape(r["points"], (-1, 2)) for r in roads]
    ends = np.array([[line[0], line[-1]] for line in lines if len(line) == 2])
    ends = ends[np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) > 150]
    way = ends[rng.integers(len(ends), size=vehicles)]
    length = np.linalg.norm(way[:, 1] - way[:, 0], axis=1)
    along = (way[:, 1] - way[:, 0]) / length[:, None]
    start, speed = rng.uniform(0, length), rng.uniform(5.0, 14.0, vehicles)
    slot = rng.permutation(2 * vehicles)[:vehicles]
    kind = rng.choice(3, size=vehicles, p=[0.7, 0.1, 0.2])
    out = []
    for step in range(steps):
        turns = (start + speed * step) / length
        forth = turns.astype(int) % 2 == 0
        share = np.where(forth, turns % 1, 1 - turns % 1)
        position = way[:, 0] + along * (share * length)[:, None]
        velocity = along * np.where(forth, speed, -speed)[:, None]
        out.append(
            Traffic(float(step), slot, position, velocity, kind, np.full(vehicles, step == 0))
        )
    return out


def scene(traffic: Traffic, step: int, rsus_m: Floats, up: np.ndarray) -> Scene:
    """A scene with the traffic's positions; what frames do not carry is zero."""
    n, m = len(traffic.slot), len(rsus_m)
    distance = np.linalg.norm(traffic.position_m[:, None] - rsus_m[None], axis=2)
    serving = np.where(distance.min(axis=1) <= RANGE_M, distance.argmin(axis=1), -1)
    rng = np.random.default_rng(step)
    none = np.zeros(n)
    return Scene(
        step=step, t_s=traffic.t_s, vehicle=np.arange(n), slot=traffic.slot, fresh=traffic.fresh,
        kind=traffic.kind, position_m=traffic.position_m, velocity_mps=traffic.velocity_mps,
        cpu_hz=none, battery_j=none, has_task=rng.random(n) < 0.5, data_bits=none, cycles=none,
        deadline_s=none, phase_s=none, fading=none, fading_v2v=none, distance_m=distance,
        serving=serving, rate_bps=np.zeros((n, m)),
        rsus=Rsus(rsus_m, np.full(m, 3e9), np.full(m, 0.3), 1, np.full(m, 1e8),
                  np.full((m, 4), -1), up, np.full(m, 4e6)),
    )  # fmt: skip


def outcome(made: Scene, seed: int, helpers: int = 12) -> Outcome:
    """Offloading to the serving RSU, past those that are down, some of it to other vehicles."""
    rng = np.random.default_rng([seed, made.step])
    n = len(made.slot)
    up = made.rsus.up
    rho = np.where(made.has_task, np.clip(rng.normal(0.45, 0.3, n), 0, 1), 0.0)
    standing = np.where(up[None], made.distance_m, np.inf).argmin(axis=1)
    target = np.where((rho > 0) & (made.serving >= 0), standing, -1)
    helper = np.full(n, -1)
    guests = np.flatnonzero(rho > 0)[:helpers]
    gap = np.linalg.norm(made.position_m[guests, None] - made.position_m[None], axis=2)
    gap[np.arange(len(guests)), guests] = np.inf
    helper[guests] = gap.argmin(axis=1)
    target[guests] = -1
    columns: dict[str, np.ndarray] = {f.name: np.zeros(n) for f in fields(Outcome)}
    cost = np.where(made.has_task, rng.gamma(6, 0.22, n), 0.0)
    return Outcome(**columns | {
        "rho": rho, "target": target, "helper": helper, "cost": cost,
        "success": made.has_task & (cost < 1.6),
        "forwarded": (target >= 0) & (target != made.serving),
        "rejected": rng.random(n) < 0.02, "mandated": np.zeros(n, bool),
    })  # fmt: skip


def sent(
    traffic: Traffic, step: int, rsus_m: Floats, down: tuple[int, ...] = (), seed: int = 0
) -> bytes:
    """One frame as a browser gets it, its sequence number one above the step."""
    m = len(rsus_m)
    up = ~np.isin(np.arange(m), down)
    made = scene(traffic, step, rsus_m, up)
    told = outcome(made, seed)
    requests = np.bincount(told.target[told.target >= 0], minlength=m).astype(float)
    n = len(traffic.slot)
    view = wire.ArmView(
        told,
        battery_fraction=(traffic.slot * 0.37) % 1.0,
        backlog_s=np.where(up, np.minimum(0.02 * requests * (1 + np.arange(m) % 4), 2.0), 0.0),
        requests=requests,
        up=up,
    )
    frame = wire.stored_frame(
        made, [view], seq=step + 1, written=0.0, applied_version=7, run=RUN, twin_age_s=1.0,
        twin_age_steps=(traffic.slot % 6).astype(float), radio_up=np.ones(m, bool),
    )  # fmt: skip
    assert n == wire.header(frame).n
    return wire.sent_frame(frame, 0)


@cache
def traffic(vehicles: int = VEHICLES) -> list[Traffic]:
    """Thirty steps of traffic."""
    return drive(static_city()["roads"], vehicles, 30)


def frame(k: int, vehicles: int = VEHICLES) -> bytes:
    """Frame k of the traffic."""
    return sent(traffic(vehicles)[k], k, rsu_positions(), DOWN if k >= DOWN_FROM else ())
