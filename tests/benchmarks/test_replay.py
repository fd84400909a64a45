"""Replay of a recorded trace with three arms against real time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine import ROOT
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.session import Session
from tests.benchmarks.conftest import Load

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
STAGE = ("local", "non-drl", "tolled")
ROUNDS, STEPS = 9, 25
#: Least simulated seconds a second.
LEAST = {200: 100.0, 1500: 20.0}


def test_replay_is_much_faster_than_real_time(load: Load, say):
    sessions = {
        n: Session(
            Params(vehicles=n),
            STAGE,
            RecordedMobility(ROOT / "tests" / "data" / f"sumo_{n}.npz", loop=True),
        )
        for n in LEAST
    }
    wall: dict[int, list[float]] = {n: [] for n in LEAST}
    cpu: dict[int, list[float]] = {n: [] for n in LEAST}
    for round_ in range(ROUNDS):
        for n, session in sessions.items():
            begun, used = time.perf_counter(), time.process_time()
            for _ in range(STEPS):
                session.step()
            if round_:  # the first warms up
                wall[n].append(STEPS / (time.perf_counter() - begun))
                cpu[n].append(STEPS / (time.process_time() - used))
    for n, least in LEAST.items():
        rate, alone = float(np.median(wall[n])), float(np.median(cpu[n]))
        say(
            f"{n} vehicles: {rate:.0f} times real time (at least {least:g}), {alone:.0f} by CPU "
            f"time; others used {load.foreign:.2f} cores"
        )
    for n, least in LEAST.items():
        figures = wall[n] if load.is_free else cpu[n]
        assert np.median(figures) >= least
