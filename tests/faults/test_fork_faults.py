"""Whatever is killed, frozen or replaced under a fork: it is said, and nothing is left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import GONE_S
from tests.engine.live.asking import ask, assert_gone, assert_no_player, ended, player, until

TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"
pytestmark = pytest.mark.fault


def test_a_killed_fork_is_said_and_another_can_be_asked_for(open_engine) -> None:
    engine = open_engine(params={"vehicles": 1500}, speed=1)
    engine.wait(lambda s: s["step"] >= 1)
    ask(engine, "a", steps=600)
    process = player(engine)
    until(engine, lambda r: r["done"] > 0)
    process.kill()
    record = ended(engine, "a")
    assert (record["state"], record["message"]) == ("failed", "The fork was killed (SIGKILL).")
    ask(engine, "b", steps=1)
    assert ended(engine, "b")["state"] == "done"
    step = engine.status["step"]
    engine.wait(lambda s: s["step"] > step)


@pytest.mark.sumo
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_ends_takes_fork_and_sumo_along(open_engine, how: signal.Signals) -> None:
    engine = open_engine("sumo", params={"vehicles": 300}, speed=1)
    engine.wait(lambda s: s["step"] >= 2)
    ask(engine, "a", steps=600)
    process = player(engine)
    until(engine, lambda r: r["done"] > 0)
    (driving,) = process.children()
    assert driving.name() == "sumo"
    engine.process.send_signal(how)
    engine.process.wait(GONE_S)
    assert_gone(process)
    assert_gone(driving)
    engine.start()
    record = until(engine, lambda r: r["state"] != "running")
    assert (record["id"], record["state"]) == ("a", "failed")
    assert "engine ended, and the fork with it" in record["message"]
    engine.wait(lambda s: s["step"] >= 1)
    assert_no_player(engine)


@pytest.mark.sumo
@pytest.mark.parametrize(
    ("how", "words"),
    [(signal.SIGKILL, "SUMO was killed"), (signal.SIGSTOP, "SUMO did not answer for 2 s")],
)
def test_a_fork_whose_sumo_is_lost_says_so(open_engine, how: signal.Signals, words: str) -> None:
    engine = open_engine("sumo", params={"vehicles": 300}, speed=1)
    engine.wait(lambda s: s["step"] >= 2)
    ask(engine, "a", steps=600)
    process = player(engine)
    until(engine, lambda r: r["done"] > 0)
    (driving,) = process.children()
    os.kill(driving.pid, how)
    record = ended(engine, "a")
    assert record["state"] == "failed"
    assert words in record["message"]
    assert 0 < record["done"] < 600
    assert_gone(driving)
    assert_gone(process)
    assert engine.status["state"] == "running"


def test_a_trace_that_was_replaced_under_the_run_is_said(open_engine, tmp_path) -> None:
    trace = tmp_path / "t.npz"
    trace.write_bytes(TRACE.read_bytes())
    engine = open_engine(str(trace), params={"vehicles": 30}, speed=10)
    engine.wait(lambda s: s["step"] >= 2)
    trace.write_bytes(b"something else")
    ask(engine, "a")
    record = ended(engine, "a")
    assert record["state"] == "failed"
    assert "t.npz is damaged or no trace" in record["message"]


def test_an_engine_that_was_not_there_says_that_it_missed_the_wish(open_engine) -> None:
    engine = open_engine(params={"vehicles": 20})
    engine.wait(lambda s: s["step"] >= 1)
    engine.process.kill()
    engine.process.wait()
    ask(engine, "a")
    engine.start()
    record = ended(engine, "a")
    assert record["state"] == "failed"
    assert "not there when this fork was asked for" in record["message"]
