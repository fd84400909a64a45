"""Whatever is killed, frozen, deleted or damaged: it says so, goes on, and loses no metric."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.conftest import GONE_S

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"
pytestmark = pytest.mark.fault


def gone(pid: int) -> bool:
    give_up = time.monotonic() + GONE_S
    while time.monotonic() < give_up:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def complete(engine, run: str, last: int) -> bool:
    """Every step up to `last` is recorded."""
    steps, _, values = engine.store.metrics(run, limit=10**6)
    assert np.isfinite(values[:, 0, 0]).all()
    return steps[: last + 1].tolist() == list(range(last + 1))


@pytest.mark.sumo
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_lost_or_frozen_sumo_is_replaced_within_the_run(
    open_engine, number: signal.Signals
) -> None:
    engine = open_engine("sumo", params={"vehicles": 60}, speed=10)
    before = engine.wait(lambda s: s["step"] >= 5)
    os.kill(before["sumo_pid"], number)
    after = engine.wait(lambda s: s["segment"] == 1 and s["step"] > before["step"] + 10)
    assert after["run"] == before["run"]
    assert after["sumo_pid"] != before["sumo_pid"]
    assert after["state"] == "running"
    (notice,) = after["notices"]
    assert notice["level"] == "error"
    assert f"traffic started anew at step {notice['step']}" in notice["text"]
    assert gone(before["sumo_pid"])
    assert complete(engine, after["run"], after["step"])
    assert after["t_s"] == after["step"] + 1.0


@pytest.mark.sumo
def test_sumo_that_keeps_dying_fails_the_run_until_a_reset(open_engine) -> None:
    engine = open_engine("sumo", params={"vehicles": 10}, speed=10)
    segment = 0
    status = engine.wait(lambda s: s["step"] >= 0)
    while status["state"] != "failed":
        os.kill(status["sumo_pid"], signal.SIGKILL)
        segment += 1
        status = engine.wait(
            lambda s, n=segment, step=status["step"]: (
                s["state"] == "failed" or (s["segment"] == n and s["step"] > step)
            )
        )
        assert segment < 10
    assert "reset to try again" in status["message"]
    beat = status["heartbeat"]
    engine.wait(lambda s: s["heartbeat"] > beat + 0.6)
    engine.store.request({"reset": True})
    new = engine.wait(lambda s: s["state"] == "running" and s["step"] >= 3)
    assert (new["segment"], new["run"] != status["run"]) == (0, True)


@pytest.mark.sumo
def test_a_killed_engine_leaves_no_sumo_and_every_metric_it_showed(open_engine) -> None:
    engine = open_engine("sumo", params={"vehicles": 60}, speed=0)
    seen = engine.wait(lambda s: s["step"] >= 30)
    acknowledged = engine.store.last_step(seen["run"])
    engine.process.kill()
    engine.process.wait()
    assert gone(seen["sumo_pid"])
    assert acknowledged >= 30
    assert complete(engine, seen["run"], acknowledged)
    engine.start()
    new = engine.wait(lambda s: s["step"] >= 2)
    assert new["run"] != seen["run"]
    assert complete(engine, seen["run"], acknowledged)


@pytest.mark.sumo
def test_ctrl_c_leaves_no_process(open_engine) -> None:
    engine = open_engine("sumo", params={"vehicles": 30})
    engine.wait(lambda s: s["step"] >= 1)
    engine.process.send_signal(signal.SIGINT)
    assert engine.process.wait(GONE_S) == 0
    assert engine.left() == []


@pytest.mark.sumo
def test_ctrl_c_ends_it_also_while_sumo_hangs(open_engine) -> None:
    engine = open_engine("sumo", params={"vehicles": 10}, speed=10)
    status = engine.wait(lambda s: s["step"] >= 1)
    os.kill(status["sumo_pid"], signal.SIGSTOP)
    time.sleep(0.4)
    engine.process.send_signal(signal.SIGINT)
    assert engine.process.wait(GONE_S) == 0
    assert engine.left() == []


def test_a_machine_that_slept_is_not_caught_up_with(open_engine) -> None:
    engine = open_engine(speed=5)
    engine.wait(lambda s: s["step"] >= 3)
    engine.process.send_signal(signal.SIGSTOP)
    asleep = engine.status["step"]
    time.sleep(2.0)
    engine.process.send_signal(signal.SIGCONT)
    time.sleep(1.0)
    assert engine.status["step"] - asleep <= 7  # 2 s of sleep would be 10 more


def test_a_deleted_store_is_begun_anew_with_all_metrics(open_engine) -> None:
    engine = open_engine(speed=10)
    before = engine.wait(lambda s: s["step"] >= 5)
    shutil.rmtree(engine.store.path)
    status = engine.wait(lambda s: s["step"] > before["step"] + 20)
    assert any("deleted" in notice["text"] for notice in status["notices"])
    assert status["run"] == before["run"]
    assert complete(engine, status["run"], status["step"])
    engine.store.keep_control()
    version = engine.store.request({"params": {"deadline": 0.5}})
    engine.wait(lambda s: s["applied_version"] == version)


def test_a_store_found_corrupt_is_set_aside_with_a_notice(open_engine) -> None:
    engine = open_engine(speed=10)
    engine.wait(lambda s: s["step"] >= 5)
    engine.process.kill()
    engine.process.wait()
    for file in (engine.store.path / "record").glob("cache.db*"):
        file.write_bytes(b"\xff" * file.stat().st_size)
    engine.start()
    status = engine.wait(lambda s: s["step"] >= 5)
    assert list(engine.store.path.glob("record.corrupt.*"))
    assert any("was corrupt" in notice["text"] for notice in status["notices"])
    assert complete(engine, status["run"], status["step"])


def test_a_database_replaced_under_the_engine_is_written_again(open_engine) -> None:
    engine = open_engine(speed=10)
    before = engine.wait(lambda s: s["step"] >= 5)
    for file in (engine.store.path / "record").glob("cache.db*"):
        file.rename(file.with_name("old-" + file.name))
    status = engine.wait(lambda s: s["step"] > before["step"] + 20)
    assert status["run"] == before["run"]
    assert complete(engine, status["run"], status["step"])


def test_traffic_that_cannot_start_is_said_and_a_reset_tries_again(open_engine, tmp_path) -> None:
    trace = tmp_path / "late.npz"
    engine = open_engine(str(trace))
    status = engine.wait(lambda s: s["state"] == "failed")
    assert "late.npz" in status["message"]
    assert status["message"].endswith(".")
    assert engine.process.poll() is None
    shutil.copy(TRACE, trace)
    engine.store.request({"reset": True})
    engine.wait(lambda s: s["state"] == "running" and s["step"] >= 1)
