"""The bare `sumo` binary on traffic driven over TraCI before, and how long its steps take."""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import ROOT
from engine.mobility import sumo
from engine.mobility.net import net_path
from engine.mobility.sumo_process import sumo_home

#: Steps between two marks on the binary's output: those before the first fill the city.
MARK = 80
#: TraCI's command to end: the simulation writes its outputs.
_END = bytes([2, 0x7F])
#: As the engine has it; ways are complete, so nobody looks for one before entering.
_DRIVE = f"{sumo._FLAGS} --device.rerouting.pre-period 0 --seed 0 --step-log.period {MARK}".replace(
    "--no-step-log true", "--no-step-log false"
)


@dataclass(frozen=True)
class Driven:
    """Traffic driven over TraCI: every way in a file, and what was on the road at each step."""

    routes: Path
    vehicles: np.ndarray
    speed_mps: np.ndarray


def drive(vehicles: int, steps: int, folder: Path) -> Driven:
    """Drive the city as the engine does, and have SUMO write down every vehicle's whole way."""
    routes = folder / f"ways_{vehicles}.rou.xml"
    kept = sumo._FLAGS
    sumo._FLAGS = (
        f"{kept} --vehroute-output {routes} --vehroute-output.write-unfinished true "
        "--vehroute-output.sorted true"
    )
    try:
        mobility = sumo.SumoMobility(0)
    finally:
        sumo._FLAGS = kept
    shots = [mobility.step(vehicles) for _ in range(steps)]
    mobility._process.receive()  # the step ahead
    mobility._process.send(_END)
    mobility._process.receive()
    mobility._process._process.wait(30)
    mobility.close()
    return Driven(
        routes,
        np.array([len(shot.vehicle) for shot in shots]),
        np.array([shot.speed_mps.mean() if len(shot.vehicle) else 0.0 for shot in shots]),
    )


def command(routes: Path, *more: str) -> list[str]:
    """The binary on the ways of `routes`, nothing else."""
    binary = str(sumo_home() / "bin" / "sumo")
    types = str(ROOT / "sumo_configs" / "vtypes.add.xml")
    files = ["--net-file", str(net_path(None)), "--additional-files", types]
    return [binary, *files, "--route-files", str(routes), *_DRIVE.split(), *more]


def summary(routes: Path, steps: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vehicles on the road and their mean speed in m/s at each step of the bare binary."""
    out = folder / "summary.xml"
    more = ["--end", str(steps), "--summary-output", str(out)]
    subprocess.run(command(routes, *more), check=True, env=_environment(), capture_output=True)
    seen = [(int(s.get("running")), float(s.get("meanSpeed"))) for s in ET.parse(out).iter("step")]
    return np.array([n for n, _ in seen]), np.array([v for _, v in seen])


@dataclass(frozen=True)
class Stretch:
    """What some steps cost: seconds of the clock and of the processor."""

    wall_s: float
    cpu_s: float


def timed(routes: Path) -> Stretch:
    """Run the bare binary from its start and time the steps from its first mark to its second."""
    process = subprocess.Popen(
        ["stdbuf", "-o0", *command(routes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # one vehicle in a hundred cannot enter as fast as it did
        env=_environment(),
    )
    try:
        _mark(process, MARK)
        begun, used = time.perf_counter(), cpu_s(process.pid)
        _mark(process, 2 * MARK)
        return Stretch(time.perf_counter() - begun, cpu_s(process.pid) - used)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _mark(process: subprocess.Popen[bytes], step: int) -> None:
    """Wait until the binary says that it is at this step."""
    told = b""
    while b"Step #%d." % step not in told:
        more = os.read(process.stdout.fileno(), 65536)
        assert more, "the bare binary ended"
        told += more


def cpu_s(pid: int) -> float:
    """Processor time the main thread of a process has used, s."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _environment() -> dict[str, str]:
    return {**os.environ, "SUMO_HOME": str(sumo_home())}
