"""The store keeps what it acknowledged, shows the newest, and never runs what it reads."""

from __future__ import annotations

import pickle
import resource
import sqlite3
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine import wire
from engine.control import ControlConflict, ControlError
from engine.disk import Box, StoreCorruptError, to_json
from engine.metrics import METRICS
from engine.publisher import Publisher, StoreTakenError
from engine.store import RING, Store

STAGE = ("non-drl", "tolled")


def frame(seq: int) -> bytes:
    head = wire.HEADER.pack(wire.MAGIC, wire.VERSION, 0, seq, 7, 7.0, 0.0, 0, 0, 0, 0, 0, 0, 0)
    return head + bytes(4)


def values(step: int, schemes: int = 2) -> np.ndarray:
    shape = (schemes, len(METRICS))
    return (np.arange(np.prod(shape)).reshape(shape) + 100 * step).astype(np.float32)


@pytest.fixture
def publisher(tmp_path: Path):
    publisher = Publisher(tmp_path / "store")
    publisher.begin_run("run-1", {"stage": STAGE, "seed": 0, "params": {}}, b'{"roads":[]}')
    yield publisher
    publisher.close()


def poison(path: Path, key: str, mode: int, filename: str | None, value: bytes | None) -> None:
    with sqlite3.connect(path / "cache.db") as connection:
        connection.execute("DELETE FROM Cache WHERE key = ?", (key,))
        connection.execute(
            "INSERT INTO Cache(key, raw, mode, filename, value) VALUES (?, 1, ?, ?, ?)",
            (key, mode, filename, value),
        )
    connection.close()


def test_a_pickled_row_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (marker,))

    box = Box(tmp_path / "store" / "live", durable=False)
    poison(box.path, "k", 4, None, pickle.dumps(Evil()))
    with pytest.raises(StoreCorruptError):
        box.get("k")
    assert not marker.exists()


def test_a_row_that_names_a_file_is_refused_and_the_file_survives(tmp_path: Path) -> None:
    secret = tmp_path / "store" / "secret.txt"
    box = Box(tmp_path / "store" / "live", durable=False)
    secret.write_text("secret")
    poison(box.path, "k", 3, "../secret.txt", None)
    with pytest.raises(StoreCorruptError):
        box.get("k")
    box.put({"k": b"new"})
    assert box.get("k") == b"new"
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("value", [{"a": 1}, [1], None, True, (1,), bytearray(b"x")])
def test_only_plain_values_are_taken(tmp_path: Path, value: object) -> None:
    box = Box(tmp_path / "live", durable=False)
    with pytest.raises(TypeError):
        box.put({"k": value})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        box.put({("a", 1): b""})  # type: ignore[dict-item]


def test_the_folder_is_for_this_user_alone(publisher: Publisher) -> None:
    for folder in (publisher.path, *(p for p in publisher.path.iterdir() if p.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_json_holds_no_number_that_is_not_finite() -> None:
    found = to_json({"a": np.float32("nan"), "b": [np.inf, 1.5], "c": np.arange(2), "d": (True,)})
    assert found == b'{"a":null,"b":[null,1.5],"c":[0,1],"d":[true]}'


def test_frames_come_newest_first_from_a_ring_of_bounded_size(publisher: Publisher) -> None:
    reader = Store(publisher.path)
    assert reader.frame() is None
    for _ in range(RING + 5):
        seq = publisher.next_seq
        assert publisher.show(frame(seq), {"state": "running"})
    assert reader.frame() == (RING + 4, frame(RING + 4))
    assert reader.frame_at(4) is None
    assert reader.frame_at(5) == frame(5)
    assert reader.status()["state"] == "running"
    with sqlite3.connect(publisher.path / "live" / "cache.db") as connection:
        count = connection.execute("SELECT count(*) FROM Cache WHERE key LIKE 'r:%'").fetchone()
    connection.close()
    assert count == (RING,)


def test_frame_numbers_go_on_after_a_restart(publisher: Publisher) -> None:
    publisher.show(frame(0), {})
    publisher.close()
    again = Publisher(publisher.path)
    assert again.next_seq == 1
    again.close()


def test_metrics_are_read_in_batches_in_order(publisher: Publisher) -> None:
    for step in range(200):
        assert publisher.record(step, STAGE, values(step))
    reader = Store(publisher.path)
    steps, names, found = reader.metrics("run-1")
    assert names == list(STAGE)
    np.testing.assert_array_equal(steps, np.arange(200))
    np.testing.assert_array_equal(found[123], values(123))
    steps, _, found = reader.metrics("run-1", after=100, limit=10)
    np.testing.assert_array_equal(steps, np.arange(101, 111))
    np.testing.assert_array_equal(found[0], values(101))
    assert len(reader.metrics("run-1", after=199)[0]) == 0
    assert len(reader.metrics("no-such-run")[0]) == 0


def test_a_changed_stage_leaves_gaps_not_shifts(publisher: Publisher) -> None:
    publisher.record(0, STAGE, values(0))
    publisher.record(1, ("tolled",), values(1, 1))
    publisher.record(2, ("local", "tolled"), values(2))
    _, names, found = Store(publisher.path).metrics("run-1")
    assert names == ["non-drl", "tolled", "local"]
    np.testing.assert_array_equal(found[1, 1], values(1, 1)[0])
    np.testing.assert_array_equal(found[2, 2], values(2)[0])
    assert np.isnan(found[1:, 0]).all()
    chosen = Store(publisher.path).metrics("run-1", schemes=["tolled"])[2]
    np.testing.assert_array_equal(chosen[:, 0], found[:, 1])


def test_the_table_of_a_run_has_a_row_per_step_and_scheme(publisher: Publisher) -> None:
    publisher.record(0, STAGE, values(0))
    publisher.record(1, ("tolled",), values(1, 1))
    table = Store(publisher.path).metrics_frame("run-1")
    assert list(table.columns) == ["step", "scheme", *METRICS]
    assert list(zip(table.step, table.scheme, strict=True)) == [
        (0, "non-drl"), (0, "tolled"), (1, "tolled"),
    ]  # fmt: skip
    assert table.cost[2] == 100.0


def test_runs_and_their_changes_are_listed(publisher: Publisher) -> None:
    publisher.log_change({"step": 3, "version": 1})
    publisher.log_change({"step": 9, "version": 2})
    publisher.begin_run("run-2", {"stage": STAGE, "seed": 1, "params": {}}, b"{}")
    reader = Store(publisher.path)
    assert [run["run"] for run in reader.runs()] == ["run-1", "run-2"]
    assert [change["step"] for change in reader.changes("run-1")] == [3, 9]
    assert reader.changes("run-2") == []
    assert reader.static("run-1") == b'{"roads":[]}'
    assert reader.static("../run-1") is None


def test_wishes_are_versioned_and_checked(tmp_path: Path) -> None:
    page, engine = Store(tmp_path / "s"), Store(tmp_path / "s")
    assert page.version() == -1
    assert page.control()["version"] == 0
    assert page.request({"speed": 5}) == 1
    assert (engine.version(), engine.wanted().speed) == (1, 5)
    with pytest.raises(ControlError):
        page.request({"speed": 4})
    with pytest.raises(ControlConflict):
        page.request({"speed": 2, "base": 0})
    assert engine.version() == 1


def test_concurrent_wishes_all_count(tmp_path: Path) -> None:
    page = Store(tmp_path / "s")

    def press() -> None:
        for _ in range(10):
            page.request({"step": True})
        page.close()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (page.control()["steps"], page.version()) == (30, 30)


def test_what_is_watched_is_explained_and_no_longer_when_not(publisher: Publisher) -> None:
    page = Store(publisher.path)
    page.watch(["v:12", "r:3"])
    assert publisher.watched() == ("r:3", "v:12")
    with pytest.raises(ControlError):
        page.watch(["../x"])
    publisher.explain({"v:12": {"x": float("nan")}, "r:3": {"up": True}})
    assert page.inspect("v:12") == {"x": None}
    publisher.explain({"r:3": {"up": False}})
    assert page.inspect("v:12") is None
    assert page.inspect("r:3") == {"up": False}


def test_a_second_engine_on_the_store_is_refused_in_one_sentence(publisher: Publisher) -> None:
    with pytest.raises(StoreTakenError, match=r"Another engine \(process \d+\) works on the store"):
        Publisher(publisher.path)


def test_a_store_of_a_newer_layout_is_refused(publisher: Publisher) -> None:
    publisher.close()
    box = Box(publisher.path / "record", durable=True)
    box.put({"schema": 99})
    box.close()
    with pytest.raises(StoreTakenError, match="newer version"):
        Publisher(publisher.path)


@pytest.mark.parametrize("box", ["control", "live", "record"])
@pytest.mark.parametrize("damage", ["header", "middle", "half", "all", "empty"])
def test_a_damaged_database_is_set_aside_and_the_store_opens(
    publisher: Publisher, box: str, damage: str
) -> None:
    for step in range(100):
        publisher.record(step, STAGE, values(step))
        publisher.show(frame(publisher.next_seq) + bytes(4000), {"state": "running"})
    publisher.request({"speed": 5})
    publisher.close()
    file = publisher.path / box / "cache.db"
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "header": b"\0" * 100 + content[100:],
            "middle": content[: middle - 3000] + b"\xa5" * 6000 + content[middle + 3000 :],
            "half": content[:middle],
            "all": b"\xff" * len(content),
            "empty": b"",
        }[damage]
    )
    again = Publisher(publisher.path)
    again.begin_run("run-2", {"stage": STAGE, "seed": 0, "params": {}}, b"{}")
    assert again.record(0, STAGE, values(0))
    assert again.show(frame(again.next_seq), {"state": "starting"})
    assert again.request({"speed": 2}) >= 1
    assert again.status()["state"] == "starting"
    assert len(again.metrics("run-2")[0]) == 1
    set_aside = list(publisher.path.glob(f"{box}.corrupt.*"))
    notices = again.take_notices()
    assert len(set_aside) == len(notices) == (damage != "empty")
    if set_aside:
        assert set_aside[0].name in notices[0]
    again.close()


def test_a_full_disk_drops_frames_and_keeps_metrics(publisher: Publisher) -> None:
    for step in range(10):
        publisher.record(step, STAGE, values(step))
    size = max(file.stat().st_size for file in publisher.path.glob("*/cache.db*"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        kept = [publisher.record(step, STAGE, values(step)) for step in range(10, 400)]
        shown = [publisher.show(frame(publisher.next_seq) + bytes(size), {}) for _ in range(3)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not all(kept)
    assert shown == [False] * 3
    assert any("wait in memory" in text for text in publisher.take_notices())
    assert publisher.record(400, STAGE, values(400))
    assert publisher.show(frame(publisher.next_seq), {})
    assert any("can be written again" in text for text in publisher.take_notices())
    steps, _, found = Store(publisher.path).metrics("run-1")
    np.testing.assert_array_equal(steps, np.arange(401))
    np.testing.assert_array_equal(found[200], values(200))


def test_a_writer_held_up_by_another_gives_up_soon_and_writes_later(publisher: Publisher) -> None:
    other = sqlite3.connect(publisher.path / "record" / "cache.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert not publisher.record(0, STAGE, values(0))
    assert time.monotonic() - begun < 10.0  # the other would hold it up for ever
    other.execute("ROLLBACK")
    other.close()
    assert publisher.record(1, STAGE, values(1))
    assert publisher.metrics("run-1")[0].tolist() == [0, 1]


def test_the_clock_may_jump(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time
    for jump in (86400.0, -86400.0, 0.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: true() + jump)
        publisher.show(frame(publisher.next_seq), {"state": str(jump)})
        assert publisher.frame() is not None
        assert publisher.status()["state"] == str(jump)
