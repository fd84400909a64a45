"""Learning beside a live run: it goes on or stops as wished, and no fault of it stops the steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.learning.checkpoint import save_policy
from engine.worker import SILENCE_S
from tests.conftest import GONE_S
from tests.engine.live.conftest import Engine
from tests.processes import running

#: Networks take seconds to load where a machine is busy with other tests.
LOADING_S = 90.0
TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"


def learners(engine: Engine) -> list[psutil.Process]:
    """The learners' processes of this engine."""
    children = psutil.Process(engine.process.pid).children()
    return running("engine.learner_process", children)


def state(status: dict, scheme: str = "toy") -> str:
    return status["learning"].get(scheme, {}).get("state", "")


def entries(engine: Engine, run: str) -> list[dict]:
    return engine.store.learning(run)


@pytest.fixture
def orders(toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Tells the toy what to do with the next step it learns from."""
    file = tmp_path / "orders"
    monkeypatch.setenv("TOY_ORDERS", str(file))

    def order(text: str) -> None:
        beside = file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(file)

    return order


@pytest.fixture
def training(orders: Callable, open_engine: Callable[..., Engine]) -> tuple[Engine, dict]:
    """An engine that trains the toy, and a status from then."""
    engine = open_engine(stage=["toy", "local"], params={"train": True, "vehicles": 20}, speed=10)
    status = engine.wait(lambda s: s["step"] >= 5 and state(s) == "training")
    return engine, status


def test_what_is_learnt_is_recorded_with_its_number(training) -> None:
    engine, status = training
    status = engine.wait(lambda s: s["learning"]["toy"]["learnt"] >= 10)
    told = status["learning"]["toy"]
    assert {name: told[name] for name in ("state", "message", "policy")} == {
        "state": "training", "message": "", "policy": "shipped",
    }  # fmt: skip
    found = entries(engine, status["run"])
    assert [entry["i"] for entry in found] == list(range(len(found)))
    assert len(found) >= 10
    steps = [entry["step"] for entry in found]
    assert steps == sorted(set(steps))
    assert {entry["scheme"] for entry in found} == {"toy"}
    assert found[9]["losses"]["critic"] == pytest.approx(0.1)
    assert not [notice for notice in status["notices"] if notice["level"] != "change"]


def test_training_follows_its_switch(orders, open_engine) -> None:
    engine = open_engine(stage=["toy"], params={"vehicles": 20}, speed=10)
    status = engine.wait(lambda s: s["step"] >= 5)
    assert state(status) == "off"
    assert learners(engine) == []
    assert entries(engine, status["run"]) == []
    engine.store.request({"params": {"train": True}})
    engine.wait(lambda s: s["learning"]["toy"]["learnt"] >= 3)
    engine.store.request({"params": {"train": False}})
    status = engine.wait(lambda s: state(s) == "off")
    learnt = status["learning"]["toy"]["learnt"]
    engine.wait(lambda s: s["step"] >= status["step"] + 5)
    assert engine.status["learning"]["toy"]["learnt"] == learnt
    engine.store.request({"params": {"train": True}})
    engine.wait(lambda s: s["learning"]["toy"]["learnt"] >= learnt + 5)


def test_a_reset_ends_the_learner_and_begins_with_another(training) -> None:
    engine, before = training
    (first,) = learners(engine)
    engine.store.request({"reset": True})
    after = engine.wait(lambda s: s["run"] != before["run"] and state(s) == "training")
    (second,) = learners(engine)
    assert first.pid != second.pid
    assert not first.is_running()
    engine.wait(lambda s: s["learning"]["toy"]["learnt"] >= 3)
    assert entries(engine, after["run"])[0]["i"] == 0


def test_who_leaves_the_stage_takes_its_learner_along(training) -> None:
    engine, _ = training
    engine.store.request({"stage": ["local"]})
    engine.wait(lambda s: s["stage"] == ["local"] and s["learning"] == {})
    assert learners(engine) == []


def test_a_policy_file_is_where_player_and_learner_begin(orders, open_engine, tmp_path) -> None:
    policy = tmp_path / "mine.policy"
    save_policy(policy, {"scheme": "toy", "tensors": {"count": np.array([7], np.float32)}})
    engine = open_engine(
        options=("--policy", f"toy={policy}"), stage=["toy"], params={"train": True}, speed=10
    )
    status = engine.wait(lambda s: s.get("learning", {}).get("toy", {}).get("learnt", 0) >= 1)
    assert status["learning"]["toy"]["policy"] == "mine.policy"
    assert entries(engine, status["run"])[0]["losses"]["critic"] == pytest.approx(1 / 8)


def test_an_engine_with_a_policy_that_is_none_refuses_in_one_sentence(tmp_path) -> None:
    command = [sys.executable, "-m", "engine", "--store", str(tmp_path / "store")]
    word = f"af-marl={tmp_path / 'gone'}"
    ran = subprocess.run([*command, "--policy", word], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "cannot be read (No such file or directory)" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_policy_of_another_make_fails_the_run_until_a_reset(open_engine, tmp_path) -> None:
    policy = tmp_path / "old.policy"
    save_policy(policy, {"scheme": "af-marl", "tensors": {}})
    engine = open_engine(options=("--policy", f"af-marl={policy}"), stage=["af-marl"])
    status = engine.wait(lambda s: s["state"] == "failed", LOADING_S)
    assert "The policy is of another make or size: train it again." in status["message"]
    engine.store.request({"stage": ["local"], "reset": True})
    engine.wait(lambda s: s["state"] == "running")
    engine.store.request({"stage": ["local", "af-marl"]})
    status = engine.wait(lambda s: any("another make" in n["text"] for n in s["notices"]))
    assert status["stage"] == ["local"]


@pytest.mark.fault
def test_a_killed_learner_is_said_and_the_run_goes_on(training, orders) -> None:
    engine, before = training
    (learner,) = learners(engine)
    orders("astray")  # it keeps a checkpoint
    engine.wait(lambda s: any("astray" in notice["text"] for notice in s["notices"]))
    count = engine.status["learning"]["toy"]["learnt"]
    learner.kill()
    status = engine.wait(lambda s: any("killed" in notice["text"] for notice in s["notices"]))
    (notice,) = [n for n in status["notices"] if "killed" in n["text"]]
    assert notice["text"].startswith(
        "Toy: The learner was killed (SIGKILL); learning goes on from its checkpoint of"
    )
    assert notice["level"] == "error"
    status = engine.wait(lambda s: s["learning"]["toy"]["learnt"] > count + 10)
    assert (state(status), status["learning"]["toy"]["message"]) == ("training", "")
    assert status["run"] == before["run"]
    steps = engine.store.metrics(status["run"])[0].tolist()
    assert steps == list(range(len(steps)))
    found = entries(engine, status["run"])
    assert [entry["i"] for entry in found] == list(range(len(found)))
    # It counts its lessons: what the checkpoint held is known again.
    assert found[-1]["losses"]["critic"] < 1.0 / (len(found) - count)


@pytest.mark.fault
def test_a_learner_that_fails_is_said_and_started_again(training, orders) -> None:
    engine, _ = training
    orders("raise")
    status = engine.wait(lambda s: any("Zero" in notice["text"] for notice in s["notices"]))
    assert (
        "Toy: The learner failed (ZeroDivisionError: see the log)" in status["notices"][-1]["text"]
    )
    count = status["learning"]["toy"]["learnt"]
    status = engine.wait(lambda s: s["learning"]["toy"]["learnt"] > count + 5)
    assert "ZeroDivisionError: on demand" in engine.log.read_text()


@pytest.mark.fault
def test_a_learner_that_hangs_holds_up_no_step(training, orders) -> None:
    engine, _ = training
    orders("hang")
    status = engine.wait(lambda s: s["learning"]["toy"]["dropped"] > 0)
    begun, first = time.monotonic(), status["step"]
    later = engine.wait(lambda s: s["step"] >= first + 20)
    assert time.monotonic() - begun < SILENCE_S  # nobody has ended it yet
    assert later["learning"]["toy"]["dropped"] > status["learning"]["toy"]["dropped"]


@pytest.mark.fault
def test_weights_that_went_astray_are_noticed_and_recorded(training, orders) -> None:
    engine, _ = training
    orders("astray")
    status = engine.wait(lambda s: any("astray" in notice["text"] for notice in s["notices"]))
    assert status["notices"][-1]["text"] == "Toy: It went astray"
    assert status["notices"][-1]["level"] == "warning"
    assert [e["trouble"] for e in entries(engine, status["run"]) if e["trouble"]] == [
        "It went astray."
    ]


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_learner_outlives_its_engine(training, orders, number: signal.Signals) -> None:
    engine, status = training
    (learner,) = learners(engine)
    learnt = status["learning"]["toy"]["learnt"]
    orders("sleep 60")  # busy, it does not listen
    time.sleep(0.5)
    engine.process.send_signal(number)
    engine.process.wait(GONE_S)
    _, alive = psutil.wait_procs([learner], timeout=GONE_S)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert len(entries(engine, status["run"])) >= learnt  # what was told is kept


@pytest.mark.fault
@pytest.mark.parametrize("scheme", ["af-marl", "ddqn"])
def test_a_scheme_trains_through_the_loss_of_its_learner(open_engine, scheme: str) -> None:
    def known(status: dict) -> int:
        return status.get("learning", {}).get(scheme, {}).get("learnt", 0)

    engine = open_engine(
        str(TRACE), stage=[scheme], params={"train": True, "start": "scratch"}, speed=10
    )
    engine.wait(lambda s: known(s) >= 5, LOADING_S)
    (learner,) = learners(engine)
    os.kill(learner.pid, signal.SIGKILL)
    engine.wait(lambda s: any("killed" in notice["text"] for notice in s["notices"]))
    count = known(engine.status)
    status = engine.wait(lambda s: known(s) >= count + 5, LOADING_S)
    assert state(status, scheme) == "training"
    engine.wait(lambda s: any(e["losses"].get("critic") for e in entries(engine, s["run"])))
    steps = engine.store.metrics(status["run"])[0].tolist()
    assert steps == list(range(len(steps)))
