"""The engine's side of a fork: whatever becomes of its process or the store, it is told at last."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine import fork_play, forks
from engine.change import ForkWish
from engine.disk import Box
from engine.forks import Forks
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.session import Session
from engine.store import Store
from tests.conftest import WAIT_S
from tests.engine.live.asking import plays

pytestmark = pytest.mark.fault


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Forks]:
    opened = Forks(tmp_path)
    yield opened
    opened.close()
    assert players() == []


def players() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if plays(child)]


def begin(opened: Forks, name: str = "a", steps: int = 600) -> None:
    session = Session(Params(vehicles=300), ("tolled",), SyntheticMobility(0))
    session.step()
    opened.follow(ForkWish(id=name, steps=steps), session, "run-1")


def until(opened: Forks, folder: Path, wanted: Callable[[dict], object]) -> dict:
    store = Store(folder)
    give_up = time.monotonic() + 2 * WAIT_S
    with contextlib.closing(store):
        while time.monotonic() < give_up:
            opened.look()
            record = store.fork()
            if record and wanted(record):
                return record
            time.sleep(0.02)
    pytest.fail(f"waited in vain: {record}")


def test_a_fork_that_hangs_is_ended(
    opened: Forks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(opened)
    until(opened, tmp_path, lambda r: r["done"] > 0)
    (process,) = players()
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(forks, "SILENCE_S", 0.5)
    record = until(opened, tmp_path, lambda r: r["state"] != "running")
    assert record["state"] == "failed"
    assert "said nothing for" in record["message"]
    assert not process.is_running()


def test_a_store_that_takes_nothing_ends_the_fork_and_hears_of_it_later(
    opened: Forks, tmp_path: Path
) -> None:
    begin(opened)
    until(opened, tmp_path, lambda r: r["done"] > 0)
    box = Box(tmp_path / "job", durable=True)
    with box.transaction():
        give_up = time.monotonic() + WAIT_S + fork_play.PATIENCE_S
        troubles: list[str] = []
        while not troubles and time.monotonic() < give_up:
            opened.look()
            troubles = opened.take_troubles()
            time.sleep(0.02)
    box.close()
    assert any("is held by another process" in trouble for trouble in troubles)
    assert players() == []
    record = until(opened, tmp_path, lambda r: r["state"] != "running")
    assert record["message"] == "The fork ended because the store could not be written."
    assert opened.take_troubles() == []


def test_a_store_that_was_deleted_gets_the_rest(opened: Forks, tmp_path: Path) -> None:
    begin(opened, steps=600)  # a new folder is noticed within a second
    before = until(opened, tmp_path, lambda r: r["done"] > 0)
    for file in (tmp_path / "job").iterdir():
        file.unlink()
    record = until(opened, tmp_path, lambda r: r["done"] > before["done"])
    assert len(record["base"]["tolled"]["cost"]) == record["done"]


def test_a_wish_that_was_played_is_not_played_again_by_a_new_engine(
    opened: Forks, tmp_path: Path
) -> None:
    begin(opened, steps=2)
    record = until(opened, tmp_path, lambda r: r["state"] == "done")
    with contextlib.closing(Forks(tmp_path)) as new:
        new.settle(ForkWish(id="a"))
        new.follow(ForkWish(id="a"), None, "run-2")
        assert until(new, tmp_path, lambda r: True) == record
