"""SUMO killed, frozen, missing or given nonsense: one sentence, soon, and no process left."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine import ROOT
from engine.mobility import sumo_process
from engine.mobility.sumo import SumoMobility
from engine.types import MobilityLost
from tests.conftest import GONE_S

SMALL = ROOT / "sumo_configs" / "small"
pytestmark = [pytest.mark.sumo, pytest.mark.fault]


def is_gone(pid: int, within_s: float = GONE_S) -> bool:
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True  # dead; who has adopted it is to bury it
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def drive(mobility: SumoMobility, steps: int) -> None:
    for _ in range(steps):
        mobility.step(20)


@pytest.mark.parametrize(
    ("signal_number", "words"),
    [(signal.SIGKILL, "SUMO was killed"), (signal.SIGSTOP, "SUMO did not answer for 2 s")],
)
def test_a_lost_sumo_is_noticed_soon_and_ended(signal_number: int, words: str) -> None:
    mobility = SumoMobility(0, SMALL)
    mobility.step(20)
    mobility.step(20)
    os.kill(mobility.pid, signal_number)
    start = time.monotonic()
    with pytest.raises(MobilityLost, match=words) as lost:
        drive(mobility, 3)  # an answer may have been on its way
    assert time.monotonic() - start < GONE_S
    assert is_gone(mobility.pid)
    assert "\n" not in str(lost.value)
    with pytest.raises(MobilityLost, match=words):
        mobility.step(20)
    mobility.close()


def test_a_starved_sumo_is_waited_for() -> None:
    mobility = SumoMobility(0, SMALL)
    mobility.step(20)
    os.kill(mobility.pid, signal.SIGSTOP)
    start = time.monotonic()
    with subprocess.Popen(["sh", "-c", f"sleep 1; kill -CONT {mobility.pid}"]):
        drive(mobility, 2)
    assert time.monotonic() - start > 0.9
    mobility.close()


def test_closing_ends_the_process_and_can_be_repeated() -> None:
    mobility = SumoMobility(0, SMALL)
    mobility.step(20)
    mobility.close()
    assert is_gone(mobility.pid)
    mobility.close()
    with pytest.raises(MobilityLost, match="was closed"):
        mobility.step(20)


def test_sumo_dies_with_a_parent_that_is_killed() -> None:
    script = (
        "import time; from pathlib import Path; from engine.mobility.sumo import SumoMobility\n"
        f"m = SumoMobility(0, Path({str(SMALL)!r})); m.step(5); print(m.pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert is_gone(pid)


def test_nobody_else_can_reach_a_running_sumo() -> None:
    mobility = SumoMobility(0, SMALL)
    listening = [
        c for c in psutil.Process(mobility.pid).net_connections() if c.status == psutil.CONN_LISTEN
    ]
    mobility.close()
    assert listening == []


def test_sumos_own_words_tell_what_is_wrong_with_a_net(tmp_path: Path) -> None:
    net = gzip.decompress((SMALL / "city.net.xml.gz").read_bytes())
    broken = net.replace(b'toLane="2"', b'toLane="9"', 1)
    (tmp_path / "city.net.xml.gz").write_bytes(gzip.compress(broken))
    start = time.monotonic()
    with pytest.raises(MobilityLost, match=r"SUMO ended with an error: .*lane"):
        SumoMobility(0, tmp_path)
    assert time.monotonic() - start < GONE_S


def test_a_missing_sumo_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sumo.SUMO_HOME", str(tmp_path))
    with pytest.raises(MobilityLost, match=r"missing in .* or choose --mobility synthetic"):
        SumoMobility(0, SMALL)
    monkeypatch.setitem(sys.modules, "sumo", None)
    with pytest.raises(MobilityLost, match="not installed: reinstall it with"):
        sumo_process.sumo_home()


def test_what_is_done_while_sumo_loads_is_done_once_and_its_fault_leaves_no_process() -> None:
    began: list[str] = []
    SumoMobility(0, SMALL, lambda: began.append("once")).close()
    assert began == ["once"]
    before = set(psutil.Process().children())
    with pytest.raises(ZeroDivisionError):
        SumoMobility(0, SMALL, lambda: 1 // 0)
    assert set(psutil.Process().children()) <= before
