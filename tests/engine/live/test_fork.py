"""A fork of the live run: asked for like any control, played beside it, told through the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.learning.checkpoint import save_policy
from engine.metrics import METRICS
from tests.engine.live.asking import (
    LOADING_S,
    ask,
    assert_gone,
    assert_no_player,
    ended,
    player,
    until,
)
from tests.engine.live.conftest import Engine

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"


def live(engine: Engine, run: str, first: int, count: int) -> dict[str, dict[str, list]]:
    """What the run itself recorded of these seconds, as a fork's record has it."""
    engine.wait(lambda s: s["step"] >= first + count - 1)
    _, names, values = engine.store.metrics(run, after=first - 1, limit=count)
    rounded = np.round(values.astype(np.float64), 6)
    return {
        name: {
            metric: [None if np.isnan(v) else v for v in rounded[:, at, column].tolist()]
            for column, metric in enumerate(METRICS)
        }
        for at, name in enumerate(names)
    }


@pytest.mark.parametrize(
    "source", ["synthetic", str(TRACE), pytest.param("sumo", marks=pytest.mark.sumo)]
)
def test_a_fork_that_changes_nothing_is_what_the_run_goes_on_to_record(
    open_engine, source: str
) -> None:
    stage = ["af-marl", "random", "tolled", "bound"]
    engine = open_engine(source, stage=stage, params={"vehicles": 60}, speed=10)
    engine.wait(lambda s: s["step"] >= 20, LOADING_S)
    ask(engine, "same", steps=15)
    record = ended(engine, "same")
    assert (record["state"], record["message"]) == ("done", "")
    assert (record["done"], record["steps"], record["training"]) == (15, 15, "frozen")
    assert record["stage"] == stage
    assert record["from_step"] >= 20
    went_on = live(engine, record["run"], record["from_step"], 15)
    assert record["base"] == went_on
    assert record["changed"] == went_on
    assert record["digest"]["base"] == record["digest"]["changed"] != ""


def test_a_change_sets_the_second_future_apart_and_not_the_run(open_engine) -> None:
    engine = open_engine(params={"vehicles": 60}, speed=10)
    engine.wait(lambda s: s["step"] >= 5)
    change = {"params": {"deadline": 0.5}, "replace": {"tolled": "local"}}
    ask(engine, "a", **change)
    record = ended(engine, "a")
    assert record["change"] == {"params": {"deadline": [0.5, 0.5]}, "replace": {"tolled": "local"}}
    assert list(record["base"]) == record["stage"] == ["non-drl", "tolled"]
    assert list(record["changed"]) == ["non-drl", "local"]
    assert record["changed"]["local"]["rho"] == [0.0] * 10
    assert record["changed"]["non-drl"] != record["base"]["non-drl"]
    assert record["base"] == live(engine, record["run"], record["from_step"], 10)
    assert engine.status["stage"] == ["non-drl", "tolled"]
    assert engine.status["params"]["deadline"] == [0.1, 1.0]
    assert_no_player(engine)


def test_a_paused_run_can_be_forked(open_engine) -> None:
    engine = open_engine(params={"vehicles": 30}, running=False)
    status = engine.wait(lambda s: s["state"] == "paused" and s["step"] >= 0)
    ask(engine, "a", steps=4)
    record = ended(engine, "a")
    assert (record["state"], record["from_step"]) == ("done", status["step"] + 1)
    assert engine.status["step"] == status["step"]


def test_a_fork_is_cancelled_by_wishing_none(open_engine) -> None:
    engine = open_engine(params={"vehicles": 1500}, speed=1)
    engine.wait(lambda s: s["step"] >= 1)
    ask(engine, "long", steps=600)
    process = player(engine)
    until(engine, lambda r: r["done"] > 0)
    engine.store.request({"fork": {"id": ""}})
    record = ended(engine, "long")
    assert (record["state"], record["message"]) == ("cancelled", "The fork was cancelled.")
    assert 0 < record["done"] < 600
    assert len(record["base"]["tolled"]["cost"]) == record["done"]
    assert_gone(process)


def test_a_newer_wish_ends_the_older_fork(open_engine) -> None:
    engine = open_engine(params={"vehicles": 1500}, speed=1)
    engine.wait(lambda s: s["step"] >= 1)
    ask(engine, "old", steps=600)
    first = player(engine)
    ask(engine, "new", steps=1)
    record = ended(engine, "new")
    assert (record["state"], record["done"]) == ("done", 1)
    assert_gone(first)
    assert_no_player(engine)


def test_the_same_wish_is_played_once(open_engine) -> None:
    engine = open_engine(params={"vehicles": 20}, speed=10)
    engine.wait(lambda s: s["step"] >= 2)
    ask(engine, "a", steps=2)
    record = ended(engine, "a")
    version = engine.store.request({"speed": 5})
    engine.wait(lambda s: s["applied_version"] == version)
    ask(engine, "a", steps=5)
    status = engine.wait(lambda s: s["applied_version"] == version + 1)
    engine.wait(lambda s: s["step"] > status["step"])
    assert engine.store.fork() == record


def test_what_proves_impossible_is_said_and_the_run_goes_on(open_engine, tmp_path) -> None:
    policy = tmp_path / "old.policy"
    save_policy(policy, {"scheme": "af-marl", "tensors": {}})
    engine = open_engine(options=("--policy", f"af-marl={policy}"), stage=["local"], speed=10)
    engine.wait(lambda s: s["step"] >= 2, LOADING_S)
    ask(engine, "a", replace={"local": "af-marl"})
    record = ended(engine, "a")
    assert record["state"] == "failed"
    assert "The policy is of another make or size" in record["message"]
    # On stage by the controls, but it could not enter.
    engine.store.request({"stage": ["local", "af-marl"]})
    ask(engine, "b", replace={"af-marl": "tolled"})
    record = ended(engine, "b")
    assert record["state"] == "failed"
    assert record["message"] == "af-marl is not on stage, so nothing can replace it."
    assert engine.status["state"] == "running"


def test_a_run_that_has_failed_has_nothing_to_fork(open_engine, tmp_path) -> None:
    engine = open_engine(str(tmp_path / "late.npz"))
    engine.wait(lambda s: s["state"] == "failed")
    ask(engine, "a")
    record = ended(engine, "a")
    assert (record["state"], record["done"]) == ("failed", 0)
    assert record["message"] == "There is no run to fork from: reset first."


def learnt(status: dict) -> int:
    return status["learning"].get("af-marl", {}).get("learnt", 0)


def test_training_goes_on_and_its_fork_stands_still(open_engine) -> None:
    engine = open_engine(stage=["af-marl"], params={"train": True, "vehicles": 20}, speed=5)
    engine.wait(lambda s: learnt(s) >= 1, LOADING_S)
    ask(engine, "a", steps=3)
    record = ended(engine, "a")
    assert (record["state"], record["training"]) == ("done", "frozen")
    before = learnt(engine.status)
    engine.wait(lambda s: learnt(s) > before, LOADING_S)
