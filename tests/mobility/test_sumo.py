"""The real SUMO: a population that persists, follows the slider, and repeats itself exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import traci.constants as tc

from engine import ROOT
from engine.mobility import open_mobility
from engine.mobility import sumo as live
from engine.mobility.city import SIDE_M, static_city
from engine.mobility.sumo import SumoMobility
from engine.params import Params
from engine.types import Mobility, MobilityLost, Snapshot

SMALL = ROOT / "sumo_configs" / "small"
pytestmark = pytest.mark.sumo
Open = Callable[..., SumoMobility]


@pytest.fixture
def start() -> Iterator[Open]:
    opened: list[SumoMobility] = []

    def start(seed: int = 0, city: Path | None = None) -> SumoMobility:
        opened.append(SumoMobility(seed, city))
        return opened[-1]

    yield start
    for mobility in opened:
        mobility.close()


def run(mobility: Mobility, steps: int, target: int) -> list[Snapshot]:
    return [mobility.step(target) for _ in range(steps)]


def test_a_density_change_is_followed_within_seconds(start: Open) -> None:
    mobility = start()
    up = run(mobility, 12, 200)
    assert len(up[-1].vehicle) == 200
    more = run(mobility, 20, 500)
    assert len(more[-1].vehicle) == 500
    assert max(np.diff([len(s.vehicle) for s in up + more])) <= 40 + 5  # a few wait for a gap
    fewer = run(mobility, 3, 200)
    assert len(fewer[-1].vehicle) == 200
    assert fewer[-1].vehicle.tolist() == up[-1].vehicle.tolist()  # the newest left


def test_the_population_persists_and_keeps_driving(start: Open) -> None:
    shots = run(start(3, SMALL), 600, 40)
    assert all(s.vehicle.tolist() == list(range(40)) for s in shots[20:])
    driven = np.sum([s.speed_mps for s in shots[20:]], axis=0)
    assert driven.min() > 1000.0  # everybody, on a net whose longest way across is 3 km
    assert np.mean([s.speed_mps for s in shots[20:]]) > 5.0


def test_snapshots_keep_their_promises(start: Open) -> None:
    before: Snapshot | None = None
    for now in run(start(), 60, 300):
        assert np.all(np.diff(now.vehicle) > 0)
        assert 0.0 <= now.position_m.min() <= now.position_m.max() <= SIDE_M
        assert 0.0 <= now.speed_mps.min() <= now.speed_mps.max() < 16.0
        assert np.abs(now.heading_rad).max() <= np.pi
        assert now.position_m.dtype == now.speed_mps.dtype == np.float64
        assert now.vehicle.dtype == now.kind.dtype == np.int64
        if before is not None:
            assert now.t_s == before.t_s + 1.0
            _, a, b = np.intersect1d(before.vehicle, now.vehicle, return_indices=True)
            assert np.array_equal(before.kind[a], now.kind[b])
            moved = now.position_m[b] - before.position_m[a]
            assert np.hypot(*moved.T).max() < 25.0
        before = now
    assert np.bincount(now.kind) / 300 == pytest.approx([0.85, 0.05, 0.10], abs=0.06)


def test_heading_is_the_direction_of_travel(start: Open) -> None:
    *_, before, now = run(start(), 40, 300)
    moved = now.position_m - before.position_m
    fast = np.hypot(*moved.T) > 8.0
    cosine = np.cos(np.arctan2(moved[:, 1], moved[:, 0]) - now.heading_rad)[fast]
    assert fast.sum() > 100
    assert np.median(cosine) > 0.999
    assert np.mean(cosine > 0.9) > 0.97  # the rest is turning at a crossing


def test_vehicles_are_on_the_roads_that_are_drawn(start: Open) -> None:
    roads = [np.reshape(r["points"], (-1, 2)) for r in static_city(SMALL)["roads"]]
    dense = np.concatenate(
        [a + np.linspace(0, 1, 60)[:, None] * (b - a) for r in roads for a, b in pairwise(r)]
    )
    now = run(start(1, SMALL), 30, 40)[-1]
    off = np.linalg.norm(dense[None] - now.position_m[:, None], axis=2).min(axis=1)
    assert np.mean(off < 6.0) > 0.8
    assert off.max() < 25.0  # inside a crossing


def test_the_same_seed_gives_the_same_bits(start: Open) -> None:
    first, second, other = start(7), start(7), start(8)  # side by side, too
    for k in range(60):
        target = 300 if k < 40 else 100
        a, b, c = first.step(target), second.step(target), other.step(target)
        for field in ("vehicle", "position_m", "speed_mps", "heading_rad", "kind"):
            assert getattr(a, field).tobytes() == getattr(b, field).tobytes()
    assert a.position_m.tobytes() != c.position_m.tobytes()
    assert first.digest == second.digest != other.digest


def test_the_city_is_part_of_the_digest(start: Open) -> None:
    assert start(0).digest != start(0, SMALL).digest


def test_a_run_needs_no_sumo_home() -> None:
    script = (
        "import os; assert 'SUMO_HOME' not in os.environ\n"
        "from engine.mobility.sumo import SumoMobility\n"
        "m = SumoMobility(0); print(len(m.step(5).vehicle)); m.close()"
    )
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    told.pop("SUMO_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", script], env=told, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "5"


def test_a_wrong_sumo_home_does_not_matter(monkeypatch: pytest.MonkeyPatch, start: Open) -> None:
    monkeypatch.setenv("SUMO_HOME", "/nowhere")
    assert len(start().step(5).vehicle) == 5


def test_sources_are_opened_by_name(tmp_path: Path) -> None:
    mobility = open_mobility("sumo", Params(seed=3), SMALL)
    try:
        assert isinstance(mobility, SumoMobility)
        assert mobility.digest != open_mobility("synthetic", Params(seed=3)).digest
    finally:
        mobility.close()


def test_an_unknown_answer_is_not_taken_for_vehicles() -> None:
    answer = live.Answer(memoryview(bytes([0, 0, 0, 1]) + bytes(65)))
    with pytest.raises(MobilityLost, match="unknown form"):
        answer.records()


def test_a_refused_command_is_told_from_a_value() -> None:
    refused = bytes([11, tc.CMD_GET_VEHICLE_VARIABLE, tc.RTYPE_ERR, 0, 0, 0, 4]) + b"gone"
    assert live.Answer(memoryview(refused)).number() == tc.INVALID_DOUBLE_VALUE
    long = b"x" * 300
    status = bytes([0, 0, 0, 1, 55, tc.CMD_SIMSTEP, tc.RTYPE_ERR, 0, 0, 1, 44]) + long
    assert not live.Answer(memoryview(status)).status()
