"""What the store keeps of a fork is read as it was written, whatever has become of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.disk import Box
from engine.fork_record import ForkRecord, ForkStatus
from engine.metrics import METRICS
from engine.store import Store


@pytest.fixture
def record(tmp_path: Path) -> Iterator[ForkRecord]:
    record = ForkRecord(tmp_path)
    yield record
    record.close()


def status(name: str = "a", **more: object) -> ForkStatus:
    stages = {"stage": ["tolled", "local"], "changed_stage": ["tolled"]}
    return ForkStatus(**{"id": name, "steps": 9, "from_step": 4, **stages, **more})


def rows(seconds: int) -> np.ndarray:
    values = np.arange(seconds * 3 * len(METRICS), dtype=np.float32) / 7.0
    return values.reshape(seconds, 3, len(METRICS))


def test_nothing_is_kept_before_the_first(record: ForkRecord, tmp_path: Path) -> None:
    assert record.status() is None
    assert record.read() == {}
    assert Store(tmp_path).fork() == {}


def test_a_page_gets_both_futures_by_scheme_and_metric(record: ForkRecord, tmp_path: Path) -> None:
    values = rows(2)
    values[1, 1, 0] = np.nan
    digest = {"base": "x", "changed": "y"}
    change = {"params": {"deadline": [0.5, 0.5]}}
    record.write(status(done=2, digest=digest, change=change, run="r-1"), values)
    found = Store(tmp_path).fork()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    told = ("base", "changed", "first_difference")
    assert {name: found[name] for name in found if name not in told} == {
        "id": "a", "state": "running", "message": "", "run": "r-1", "from_step": 4, "steps": 9,
        "done": 2, "change": change, "stage": ["tolled", "local"], "training": "frozen",
        "digest": digest,
    }  # fmt: skip
    assert list(found["base"]) == ["tolled", "local"]
    assert list(found["changed"]) == ["tolled"]
    assert list(found["base"]["local"]) == list(METRICS)
    assert found["base"]["local"]["cost"] == [pytest.approx(12 / 7, abs=1e-6), None]
    assert found["changed"]["tolled"]["success_rate"] == pytest.approx(
        values[:, 2, 1].tolist(), abs=1e-6
    )


def test_futures_that_are_equal_to_the_last_bit_have_no_first_difference(
    record: ForkRecord,
) -> None:
    values = rows(3)
    values[1, 0, 0] = np.nan
    values[:, 2] = values[:, 0]
    record.write(status(done=3), values)
    assert record.read()["first_difference"] is None
    values[1, 2, 3] = np.nextafter(values[1, 2, 3], np.float32(np.inf))
    values[2, 2, 1] += 1.0
    record.write(status(done=3), values)
    first = {"step": 5, "scheme": "tolled", "metric": METRICS[3]}
    assert record.read()["first_difference"] == first


def test_a_status_without_rows_leaves_those_that_are_there(record: ForkRecord) -> None:
    record.write(status(done=2), rows(2))
    record.write(status(done=2).ended("failed", "It fell."))
    found = record.read()
    assert (found["state"], found["message"]) == ("failed", "It fell.")
    assert len(found["base"]["local"]["cost"]) == 2


def test_another_fork_drops_the_rows_of_the_one_before(record: ForkRecord, tmp_path: Path) -> None:
    record.write(status(done=2), rows(2))
    record.write(status("b"))
    assert record.read()["base"]["tolled"]["cost"] == []
    box = Box(tmp_path / "job", durable=True)
    assert box.get("fork/rows:a") is None
    box.close()


@pytest.mark.parametrize(
    "kept", [b'{"id": "a", "what": 3}', b"7", b'{"id": "a", "stage": 3}', b"{"]
)
def test_a_damaged_record_is_trouble_and_not_an_error(
    record: ForkRecord, tmp_path: Path, kept: bytes
) -> None:
    box = Box(tmp_path / "job", durable=True)
    box.put({"fork/status": kept, "contest/status": b"{}"})
    store = Store(tmp_path)
    assert store.fork() == {}
    assert "fork" in str(store.trouble)
    record.write(status())
    assert store.fork()["id"] == "a"
    assert box.get("contest/status") == b"{}"
    box.close()
    store.close()
