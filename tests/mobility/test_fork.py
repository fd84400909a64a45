"""A fork of a source goes on as the source does, bit for bit, whatever drives."""

from __future__ import annotations

import dataclasses
import gzip
import os
import pickle
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import ROOT
from engine.mobility.recorded import RecordedMobility, record
from engine.mobility.sumo import SumoMobility
from engine.mobility.sumo_fork import SumoFork
from engine.mobility.synthetic import SyntheticMobility
from engine.types import Mobility, MobilityLost, Snapshot

SMALL = ROOT / "sumo_configs" / "small"


def silent(done: int, of: int) -> None: ...


def again(mobility: Mobility) -> Mobility:
    """What another process gets of it."""
    return pickle.loads(pickle.dumps(mobility.fork())).open(silent)


def same(one: Snapshot, other: Snapshot) -> bool:
    fields = ("vehicle", "position_m", "speed_mps", "heading_rad", "kind")
    equal = (getattr(one, f).tobytes() == getattr(other, f).tobytes() for f in fields)
    return one.t_s == other.t_s and all(equal)


def rising_and_falling(step: int) -> int:
    return round(110 + 60 * np.sin(step / 25))


@pytest.mark.sumo
@pytest.mark.parametrize("city", [None, SMALL], ids=["city", "small"])
def test_sumo_drives_on_alike_while_vehicles_enter_leave_and_get_new_ways(
    city: Path | None,
) -> None:
    scale = 1.0 if city is None else 0.3
    wanted = [round(scale * rising_and_falling(step)) for step in range(260)]
    with closing(SumoMobility(2, city)) as mobility:
        for target in wanted[:60]:
            before = mobility.step(target)
        with closing(again(mobility)) as fork, closing(again(mobility)) as other:
            for target in wanted[60:]:
                now = mobility.step(target)
                assert same(now, fork.step(target))
                assert same(now, other.step(target))
    counts = np.array(wanted[60:])
    assert counts.max() > len(before.vehicle) > counts.min()
    assert now.vehicle.max() > before.vehicle.max()
    # Nobody has arrived and left: whoever came near the end of its way got another.
    assert now.vehicle[: counts.min()].tolist() == list(range(counts.min()))


@pytest.mark.sumo
def test_sumo_drives_on_alike_in_dense_traffic_that_still_fills_up() -> None:
    with closing(SumoMobility(3)) as mobility:
        for _ in range(15):
            before = mobility.step(900)
        assert len(before.vehicle) < 620  # some wait for a gap to enter
        with closing(again(mobility)) as fork:
            for _ in range(20):
                assert same(mobility.step(900), fork.step(900))


@pytest.mark.sumo
def test_a_fork_can_be_driven_otherwise_and_nobody_else_feels_it() -> None:
    with closing(SumoMobility(0, SMALL)) as mobility, closing(SumoMobility(0, SMALL)) as alone:
        for _ in range(20):
            mobility.step(30)
            alone.step(30)
        with closing(again(mobility)) as fork:
            for _ in range(20):
                many = fork.step(60)
                assert same(mobility.step(30), alone.step(30))
    assert len(many.vehicle) > 30


@pytest.mark.sumo
def test_the_way_there_is_told_second_by_second() -> None:
    told: list[tuple[int, int]] = []
    with closing(SumoMobility(0, SMALL)) as mobility:
        for _ in range(3):
            mobility.step(5)
        mobility.fork().open(lambda done, of: told.append((done, of))).close()
        assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.sumo
def test_a_fork_before_the_first_second_has_no_way_to_drive() -> None:
    with closing(SumoMobility(0, SMALL)) as mobility, closing(again(mobility)) as fork:
        assert same(mobility.step(5), fork.step(5))


def sumo_processes() -> set[psutil.Process]:
    return {child for child in psutil.Process().children() if child.name() == "sumo"}


@pytest.mark.sumo
@pytest.mark.parametrize(
    ("otherwise", "words"),
    [({"digest": "x"}, "city is not the one"), ({"checksum": 1}, "same second again")],
)
def test_another_way_than_the_runs_is_refused_and_leaves_no_process(
    otherwise: dict, words: str
) -> None:
    with closing(SumoMobility(0, SMALL)) as mobility:
        mobility.step(5)
        fork: SumoFork = dataclasses.replace(mobility.fork(), **otherwise)
    with pytest.raises(MobilityLost, match=words):
        fork.open(silent)
    assert sumo_processes() == set()


@pytest.mark.sumo
@pytest.mark.fault
def test_a_sumo_killed_on_the_way_is_said_and_leaves_no_process() -> None:
    def kill(done: int, of: int) -> None:
        if done == 2:
            (driving,) = sumo_processes() - known
            os.kill(driving.pid, signal.SIGKILL)

    with closing(SumoMobility(0, SMALL)) as mobility:
        for _ in range(8):
            mobility.step(5)
        known = sumo_processes()
        with pytest.raises(MobilityLost, match="SUMO was killed"):
            mobility.fork().open(kill)
        assert sumo_processes() == known


@pytest.mark.sumo
def test_a_city_that_was_replaced_is_refused(tmp_path: Path) -> None:
    shutil.copy(SMALL / "city.net.xml.gz", tmp_path)
    with closing(SumoMobility(0, tmp_path)) as mobility:
        mobility.step(5)
        net = gzip.decompress((tmp_path / "city.net.xml.gz").read_bytes())
        (tmp_path / "city.net.xml.gz").write_bytes(gzip.compress(net + b"\n"))
        with pytest.raises(MobilityLost, match="city is not the one"):
            mobility.fork().open(silent)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "t.npz"
    record(SyntheticMobility(1), 20, lambda _: 30, path, seed=1)
    return path


@pytest.mark.parametrize(
    "source",
    [
        lambda path: SyntheticMobility(4),
        lambda path: RecordedMobility(path, loop=True),
    ],
    ids=["synthetic", "recorded"],
)
def test_other_sources_go_on_alike(source: Callable[[Path], Mobility], trace: Path) -> None:
    wanted = [20 + step % 9 for step in range(50)]
    mobility = source(trace)
    for target in wanted[:17]:
        mobility.step(target)
    fork, other = again(mobility), again(mobility)
    other.step(3)
    for target in wanted[17:]:
        assert same(mobility.step(target), fork.step(target))


def test_a_trace_that_was_replaced_is_refused(trace: Path) -> None:
    fork = RecordedMobility(trace).fork()
    record(SyntheticMobility(2), 20, lambda _: 30, trace, seed=2)
    with pytest.raises(MobilityLost, match="not the trace any more"):
        fork.open(silent)


def test_a_trace_is_found_wherever_the_fork_is_opened(
    trace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(trace.parent)
    fork = RecordedMobility(Path(trace.name)).fork()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert len(fork.open(silent).step(30).vehicle) == 30
