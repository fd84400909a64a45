"""Asks a live engine for forks, and waits for what becomes of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psutil
import pytest

from tests.conftest import GONE_S, WAIT_S
from tests.engine.live.conftest import Engine

#: A process that loads networks takes seconds, on a machine that is busy with other tests many.
LOADING_S = 3 * WAIT_S


def ask(engine: Engine, name: str, steps: int = 10, **change: object) -> None:
    engine.store.request({"fork": {"id": name, "change": change, "steps": steps}})


def until(engine: Engine, wanted: Callable[[dict], object], limit_s: float = LOADING_S) -> dict:
    """The first record of a fork that satisfies `wanted`."""
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        engine.note_processes()
        record = engine.store.fork()
        if record and wanted(record):
            return record
        time.sleep(0.01)
    pytest.fail(f"waited in vain; {engine.store.fork()}\n{engine.log.read_text()[-2000:]}")


def ended(engine: Engine, name: str) -> dict:
    return until(engine, lambda r: r["id"] == name and r["state"] != "running")


def players(engine: Engine) -> list[psutil.Process]:
    """The processes of forks of this engine."""
    return [child for child in psutil.Process(engine.process.pid).children() if plays(child)]


def plays(process: psutil.Process) -> bool:
    """Whether it is a fork's, and has not ended."""
    with contextlib.suppress(psutil.Error):
        return "engine.fork_process" in process.cmdline()
    return False


def player(engine: Engine) -> psutil.Process:
    """The process of the fork that is played."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        with contextlib.suppress(psutil.Error):
            found = players(engine)
            if found:
                engine.note_processes()
                return found[0]
        time.sleep(0.01)
    pytest.fail("there is no fork")


def assert_gone(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        process.wait(GONE_S)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def assert_no_player(engine: Engine) -> None:
    for process in players(engine):
        assert_gone(process)
    assert players(engine) == []
