"""What was learnt is kept in order, bounded, and as safely as the metrics."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine import learning_log
from engine.learning.rounds import Round
from engine.learning.trainer import Learnt
from engine.learning_log import CHUNK, KEPT
from engine.metrics import METRICS
from engine.publisher import Publisher
from engine.store import Store

ABOUT = {"stage": ["af-marl"], "seed": 0, "params": {}}


def entry(step: int, **more: object) -> dict:
    plain = {"scheme": "af-marl", "losses": {"critic": 0.5}, "rounds": [], "trouble": ""}
    return {"step": step, **plain, **more}


@pytest.fixture
def publisher(tmp_path: Path):
    publisher = Publisher(tmp_path / "store")
    publisher.begin_run("run-1", ABOUT, b"{}")
    yield publisher
    publisher.close()


def keys(publisher: Publisher) -> list[str]:
    with sqlite3.connect(publisher.path / "record" / "cache.db") as connection:
        rows = connection.execute("SELECT key FROM Cache WHERE key LIKE 'l:%'").fetchall()
    connection.close()
    return sorted(key for (key,) in rows)


def test_entries_are_numbered_and_read_in_order(publisher: Publisher) -> None:
    assert publisher.learnt("run-1") == -1
    assert publisher.learning("run-1") == []
    assert publisher.learned([entry(5), entry(6)])
    assert publisher.learned([entry(9)])
    reader = Store(publisher.path)
    assert reader.learnt("run-1") == 2
    assert reader.learning("run-1") == [{"i": i, **entry(step)} for i, step in enumerate((5, 6, 9))]
    assert [e["i"] for e in reader.learning("run-1", after=0)] == [1, 2]
    assert [e["i"] for e in reader.learning("run-1", limit=2)] == [0, 1]
    assert reader.learning("run-1", after=2) == []
    assert reader.learning("../run-1") == reader.learning("run-2") == []


def test_only_the_newest_are_kept_and_the_database_does_not_grow(publisher: Publisher) -> None:
    last = 2 * KEPT + 7
    for step in range(last + 1):
        publisher.learned([entry(step)])
    found = Store(publisher.path).learning("run-1")
    assert [e["i"] for e in found] == list(range(last - KEPT + 1, last + 1))
    assert [e["step"] for e in found] == [e["i"] for e in found]
    assert len(keys(publisher)) <= KEPT // CHUNK + 2
    half = Store(publisher.path).learning("run-1", after=last - 5, limit=3)
    assert [e["i"] for e in half] == [last - 4, last - 3, last - 2]


def test_every_run_counts_anew_and_keeps_its_own(publisher: Publisher) -> None:
    publisher.learned([entry(0), entry(1)])
    publisher.begin_run("run-2", ABOUT, b"{}")
    publisher.learned([entry(7)])
    assert [e["step"] for e in publisher.learning("run-1")] == [0, 1]
    assert publisher.learning("run-2") == [{"i": 0, **entry(7)}]


def test_a_database_begun_anew_holds_all_that_memory_holds(publisher: Publisher) -> None:
    for step in range(40):
        publisher.learned([entry(step)])
    shutil.rmtree(publisher.path)
    time.sleep(1.1)  # a look at the folder is taken once a second
    publisher.tend()
    assert [e["step"] for e in publisher.learning("run-1")] == list(range(40))
    publisher.learned([entry(40)])
    assert publisher.learning("run-1", after=39) == [{"i": 40, **entry(40)}]


def test_what_cannot_be_written_now_is_written_with_the_next(publisher: Publisher) -> None:
    other = sqlite3.connect(publisher.path / "record" / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert not publisher.learned([entry(0)])
    assert time.monotonic() - begun < 10.0  # the other would hold it up for ever
    other.execute("ROLLBACK")
    other.close()
    assert publisher.learned([entry(1)])
    assert [e["step"] for e in publisher.learning("run-1")] == [0, 1]


def test_it_outlives_a_killed_writer(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal\n"
        "from engine.publisher import Publisher\n"
        "p = Publisher(sys.argv[1])\n"
        "p.begin_run('run-1', {'stage': [], 'seed': 0, 'params': {}}, b'{}')\n"
        "for step in range(50):\n"
        "    kept = p.learned([{'step': step, 'losses': {}, 'rounds': []}])\n"
        "assert kept\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert ran.returncode == -9
    assert [e["step"] for e in Store(tmp_path / "store").learning("run-1")] == list(range(50))


def test_a_damaged_record_costs_its_entries_only(publisher: Publisher) -> None:
    publisher.learned([entry(step) for step in range(3 * CHUNK)])
    with sqlite3.connect(publisher.path / "record" / "cache.db") as connection:
        key = learning_log.chunk_key("run-1", 1)
        for damage in (b"[{", b"{}", b'[1, {"i": "x"}]'):
            connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (damage, key))
            connection.commit()
            found = [e["i"] for e in Store(publisher.path).learning("run-1")]
            assert found == [*range(CHUNK), *range(2 * CHUNK, 3 * CHUNK)]
    connection.close()


def test_numbers_that_are_not_finite_become_null(publisher: Publisher) -> None:
    publisher.learned([entry(0, losses={"critic": float("nan"), "actor": np.float32(1.5)})])
    assert publisher.learning("run-1")[0]["losses"] == {"critic": None, "actor": 1.5}


def test_an_entry_says_all_of_what_was_learnt() -> None:
    done = Round(
        "forecast", 3, 12.0, "time", 4, (7, 9), (0.123456789, 1.0), (0.6, 0.4), 1, 0.2, 3.0, 5.0,
        2048, 0.7,
    )  # fmt: skip
    learnt = Learnt(12, True, {"critic": 0.25}, (done,), "It went wrong.")
    made = json.loads(json.dumps(learning_log.entry("af-marl", learnt)))
    (told,) = made.pop("rounds")
    plain = {"step": 12, "scheme": "af-marl", "losses": {"critic": 0.25}}
    assert made == {**plain, "trouble": "It went wrong."}
    assert told == {
        "tier": "forecast", "rsu": 3, "t_s": 12.0, "fired": "time", "version": 4,
        "vehicle": [7, 9], "staleness": [0.123457, 1.0], "weight": [0.6, 0.4], "lost": 1,
        "sigma_min": 0.2, "interval_s": 3.0, "count": 5.0, "bytes": 2048, "loss": 0.7,
    }  # fmt: skip


def test_metrics_go_on_beside_it(publisher: Publisher) -> None:
    publisher.learned([entry(0)])
    assert publisher.record(0, ["af-marl"], np.zeros((1, len(METRICS)), np.float32))
    assert publisher.last_step("run-1") == 0
