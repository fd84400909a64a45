"""A step over TraCI against a step of the bare `sumo` binary on the same kind of traffic."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine import ROOT
from engine.mobility.net import net_path, read_net
from engine.mobility.population import MOST_NEW_PER_STEP
from engine.mobility.sumo import FLAGS, SumoMobility
from engine.mobility.sumo_process import sumo_home

WARM_UP, STEPS = 100, 200
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


def bare(trips: Path, vehicles: int, end: int) -> None:
    """Drive with nothing but the binary up to simulated second `end`."""
    del vehicles  # in the trips
    files = ["-n", net_path(), "-a", ROOT / "sumo_configs" / "vtypes.add.xml", "-r", trips]
    command = [sumo_home() / "bin" / "sumo", *files, *FLAGS, "--seed", "0", "--end", str(end)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def ours(trips: Path, vehicles: int, end: int) -> None:
    """Drive with the mobility, which reads every vehicle every second, doing nothing in between."""
    del trips
    mobility = SumoMobility(0)
    try:
        for _ in range(end):
            mobility.step(vehicles)
    finally:
        mobility.close()


def cost(run: Callable[[int], None]) -> tuple[float, float]:
    """Wall and SUMO's CPU seconds of a step, without start and warm-up."""
    seen = []
    for end in (WARM_UP, WARM_UP + STEPS):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall, cpu = time.perf_counter(), used.ru_utime + used.ru_stime
        run(end)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seen.append((time.perf_counter() - wall, used.ru_utime + used.ru_stime - cpu))
    (wall_0, cpu_0), (wall_1, cpu_1) = seen
    return (wall_1 - wall_0) / STEPS, (cpu_1 - cpu_0) / STEPS


@pytest.mark.parametrize(("vehicles", "most"), [(200, 2.5), (500, 2.0), (1500, 2.0)])
def test_reading_all_vehicles_costs_less_than_driving_them(
    vehicles: int, most: float, tmp_path: Path
) -> None:
    trips = tmp_path / "trips.rou.xml"
    write_trips(trips, vehicles)
    costs = np.array(
        [
            [cost(partial(run, trips, vehicles)) for run in (bare, ours)]
            for _ in range(5)  # neighbours on the machine disturb single runs
        ]
    )  # (runs, bare or ours, wall or CPU)
    (bare_wall, bare_cpu), (our_wall, our_cpu) = np.median(costs, axis=0) * 1e3
    print(
        f"{vehicles} vehicles, ms a step: bare {bare_wall:.2f} (CPU {bare_cpu:.2f}), "
        f"ours {our_wall:.2f} (CPU of SUMO {our_cpu:.2f}): "
        f"ratio {our_wall / bare_wall:.2f} (CPU {our_cpu / bare_cpu:.2f})"
    )
    assert our_cpu / bare_cpu < most


def test_sixty_vehicles_per_square_kilometre_flow_for_an_hour() -> None:
    mobility = SumoMobility(0)
    try:
        for _ in range(60):
            mobility.step(1500)
        speeds, shown = [], []
        for _ in range(3600):
            snapshot = mobility.step(1500)
            speeds.append(snapshot.speed_mps.mean())
            shown.append(len(snapshot.vehicle))
    finally:
        mobility.close()
    minutes = np.reshape(speeds, (60, 60)).mean(axis=1)
    print(
        f"mean {np.mean(speeds):.2f} m/s, lowest minute {minutes.min():.2f}, last {minutes[-1]:.2f}"
    )
    assert minutes.min() > 6.0
    assert min(shown) > 1490  # a teleporting vehicle is not shown
