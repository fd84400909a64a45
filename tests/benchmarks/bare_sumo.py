"""The bare `sumo` binary on traffic driven over TraCI before, and how long its steps take."""

from __future__ import annotations

import os
import re
import signal
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

#: Steps between two marks on the binary's output, and so the shortest stretch that can be timed.
MARK = 10
#: TraCI's command to end: the simulation writes its outputs.
_END = bytes([2, 0x7F])
#: The options that decide how vehicles drive; ways are complete, so nobody looks for one.
_DRIVE = (
    "--step-length 1 --no-warnings true --xml-validation never --time-to-teleport 300 "
    f"--max-depart-delay 30 --ignore-route-errors true --seed 0 --step-log.period {MARK}"
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
    more = ["--end", str(steps), "--summary-output", str(out), "--no-step-log", "true"]
    subprocess.run(command(routes, *more), check=True, env=_environment(), capture_output=True)
    seen = [(int(s.get("running")), float(s.get("meanSpeed"))) for s in ET.parse(out).iter("step")]
    return np.array([n for n, _ in seen]), np.array([v for _, v in seen])


class BareSumo:
    """The binary at work, stopped between the stretches that are timed."""

    def __init__(self, routes: Path) -> None:
        self._process = subprocess.Popen(
            ["stdbuf", "-o0", *command(routes)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
        self._buffer = b""
        self.step = -1

    def run(self, until: int) -> float:
        """Let it run to the first mark at or after step `until`; gives the seconds it took."""
        started = time.perf_counter()
        self._process.send_signal(signal.SIGCONT)
        while self.step < until:
            told = os.read(self._process.stdout.fileno(), 65536)
            assert told, "the bare binary ended"
            self._buffer = (self._buffer + told)[-4096:]
            marks = re.findall(rb"Step #(\d+)", self._buffer)
            self.step = int(marks[-1]) if marks else self.step
        taken = time.perf_counter() - started
        self._process.send_signal(signal.SIGSTOP)
        return taken

    @property
    def cpu_s(self) -> float:
        """Processor time used so far, s."""
        return cpu_s(self._process.pid)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def cpu_s(pid: int) -> float:
    """Processor time a process has used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _environment() -> dict[str, str]:
    return {**os.environ, "SUMO_HOME": str(sumo_home())}
