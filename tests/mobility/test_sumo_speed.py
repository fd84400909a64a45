"""A step over TraCI against a step of the bare `sumo` binary on the same kind of traffic."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from engine import ROOT
from engine.mobility.net import net_path, read_net
from engine.mobility.population import MOST_NEW_PER_STEP
from engine.mobility.sumo import FLAGS, SumoMobility
from engine.mobility.sumo_process import sumo_home

WARM_UP, STEPS = 120, 60
pytestmark = [pytest.mark.sumo, pytest.mark.benchmark]


def write_trips(path: Path, vehicles: int) -> None:
    """As many vehicles as the mobility keeps, entering as fast, on trips that outlast the run."""
    rng = np.random.default_rng(0)
    roads, share = read_net(net_path()).places()
    lines = ["<routes>"]
    for k in range(vehicles):
        kind = ("car", "bus", "truck")[rng.choice(3, p=(0.85, 0.05, 0.10))]
        stops = [roads[i] for i in rng.choice(len(roads), 5, p=share)]
        lines.append(
            f'<trip id="{k}" type="{kind}" depart="{k // MOST_NEW_PER_STEP}" from="{stops[0]}" '
            f'to="{stops[-1]}" via="{" ".join(stops[1:-1])}" departLane="best" '
            'departPos="random_free" departSpeed="max"/>'
        )
    path.write_text("\n".join([*lines, "</routes>"]))


def bare_s(trips: Path, end: int) -> float:
    """Wall seconds the bare binary takes up to simulated second `end`."""
    files = ["-n", net_path(), "-a", ROOT / "sumo_configs" / "vtypes.add.xml", "-r", trips]
    start = time.perf_counter()
    subprocess.run(
        [sumo_home() / "bin" / "sumo", *files, *FLAGS, "--seed", "0", "--end", str(end)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def step_s(vehicles: int) -> float:
    """Wall seconds of a step of ours when the caller does nothing in between."""
    mobility = SumoMobility(0)
    try:
        for _ in range(WARM_UP):
            mobility.step(vehicles)
        start = time.perf_counter()
        for _ in range(STEPS):
            mobility.step(vehicles)
        return (time.perf_counter() - start) / STEPS
    finally:
        mobility.close()


@pytest.mark.parametrize(("vehicles", "most"), [(200, 2.6), (1500, 2.0)])
def test_reading_all_vehicles_costs_less_than_driving_them(
    vehicles: int, most: float, tmp_path: Path
) -> None:
    trips = tmp_path / "trips.rou.xml"
    write_trips(trips, vehicles)
    ratios = []
    for _ in range(5):  # neighbours on the machine disturb single runs
        bare = (bare_s(trips, WARM_UP + STEPS) - bare_s(trips, WARM_UP)) / STEPS
        ours = step_s(vehicles)
        ratios.append(ours / bare)
        print(f"{vehicles} vehicles: bare {bare * 1e3:.2f} ms, ours {ours * 1e3:.2f} ms")
    assert min(ratios) < most
