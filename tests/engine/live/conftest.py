"""The engine as a process on a store of its own, seen and steered as the page does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.control import Control
from engine.store import Store
from tests.conftest import GONE_S, WAIT_S


class Engine:
    """`python -m engine` on `path`, and the page's side of its store."""

    def __init__(
        self, path: Path, mobility: str, options: tuple[str, ...] = (), **wish: object
    ) -> None:
        self.store = Store(path)
        self.store.begin(Control().merge({"stage": ["non-drl", "tolled"], **wish}))
        self.command = [
            sys.executable, "-m", "engine", "--store", str(path), "--mobility", mobility, *options,
        ]  # fmt: skip
        self.log = path.with_name("engine.log")
        self.started: set[psutil.Process] = set()
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def status(self) -> dict:
        return self.store.status()

    def wait(self, until: Callable[[dict], object], limit_s: float = WAIT_S) -> dict:
        """The first status that satisfies `until`."""
        give_up = time.monotonic() + limit_s
        while time.monotonic() < give_up:
            status = self.store.status()
            if status.get("pid") == self.process.pid and until(status):
                self.note_processes()
                return status
            time.sleep(0.01)
        pytest.fail(f"waited in vain; last status {status}\n{self.log.read_text()[-2000:]}")

    def note_processes(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            engine = psutil.Process(self.process.pid)
            self.started |= {engine, *engine.children(recursive=True)}

    def left(self) -> list[psutil.Process]:
        """What still runs of all it ever started, long after it was to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GONE_S)
        psutil.wait_procs(self.started - {psutil.Process()}, timeout=GONE_S)
        return [p for p in self.started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def open_engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    opened: list[Engine] = []

    def start(mobility: str = "synthetic", **wish: object) -> Engine:
        opened.append(Engine(tmp_path / "store", mobility, **wish))
        return opened[-1]

    yield start
    for engine in opened:
        engine.note_processes()
        if engine.process.poll() is None:
            os.kill(engine.process.pid, signal.SIGCONT)
            engine.process.terminate()
        left = engine.left()
        for process in left:
            process.kill()
        engine.process.wait()
        engine.store.close()
        assert not left
