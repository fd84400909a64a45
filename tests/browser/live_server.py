"""The program as a user starts it, with a store of its own, and a look into what a page draws."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from engine import ROOT
from tests.conftest import WAIT_S, free_port

#: Wraps the map's worker so that a test can ask it for its figures and see what it draws.
PROBE = """
globalThis.probe = { drawn: [], view: null, fitted: false, worker: null };
Object.assign(probe, { asked: 0, answers: new Map() });
globalThis.Worker = class extends globalThis.Worker {
  constructor(...given) {
    super(...given);
    probe.worker = this;
    this.addEventListener("message", ({ data }) => {
      if (data.type === "drawn") probe.drawn.push([data.seq, data.at - data.written]);
      if (data.type === "view") Object.assign(probe, { view: data.view, fitted: data.fitted });
      if (data.id < 0) probe.answers.get(data.id)?.(data.stats ?? data.at ?? null);
    });
  }
};
probe.ask = (message) => new Promise((resolve) => {
  probe.asked -= 1;
  probe.answers.set(probe.asked, resolve);
  probe.worker.postMessage({ ...message, id: probe.asked });
});
"""


class Server:
    """`iov-twin`, running until `stop`.

    Args:
        folder: of the store and what the program prints.
        options: further options of the command.
        command: what Python runs.
    """

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (),
        command: Sequence[str] = ("-m", "app"),
        **environment: str,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.store = folder / "store"
        self._log = folder / "server.log"
        self.started = time.monotonic()
        given = ["--no-browser", "--port", str(self.port), "--store", str(self.store), *options]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, *given],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, **environment},
            )  # fmt: skip
        self._seen: set[psutil.Process] = set()

    def wait(self) -> None:
        """Until the page can be asked for."""

        def there() -> bool:
            assert self.process.poll() is None, self.said()
            with contextlib.suppress(OSError), self._open("health"):
                return True
            return False

        until(there, "the server answers")

    def said(self) -> str:
        """What the program and its engine have printed."""
        logs = (self._log, self.store / "engine.log")
        return "\n".join(log.read_text() for log in logs if log.exists())

    def told(self) -> dict[str, Any]:
        """The control and the engine's status, {"control", "status"}."""
        with self._open("live/control") as reply:
            content: dict[str, Any] = json.load(reply)
        return content

    @property
    def status(self) -> dict[str, Any]:
        return self.told()["status"]

    @property
    def control(self) -> dict[str, Any]:
        return self.told()["control"]

    def wish(self, patch: dict[str, Any]) -> None:
        """Ask for a change as the page does, and wait until the engine has it in force."""
        request = urllib.request.Request(
            f"{self.url}live/control", json.dumps(patch).encode(),
            {"Content-Type": "application/json", "Origin": self.url.rstrip("/")},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
            version = json.load(reply)["version"]
        until(lambda: self.status.get("applied_version", -1) >= version, f"{patch} is in force")

    def _open(self, path: str) -> Any:
        return urllib.request.urlopen(self.url + path, timeout=WAIT_S)

    def processes(self) -> set[psutil.Process]:
        """The program and all it has started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            self._seen |= {root, *root.children(recursive=True)}
        return self._seen

    def stop(self) -> list[psutil.Process]:
        """Ctrl-C; gives the processes that are still there afterwards, and ends them."""
        seen = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(WAIT_S)
        left = psutil.wait_procs(seen, timeout=WAIT_S)[1]
        for process in left:
            process.kill()
        return left


def place(page: Any, x_m: float, y_m: float) -> tuple[float, float]:
    """Where on the page a point of the city is drawn."""
    view, box = page.evaluate("probe.view"), page.locator("#map").bounding_box()
    x = box["x"] + box["width"] / 2 + (x_m - view["x"]) * view["zoom"]
    return x, box["y"] + box["height"] / 2 - (y_m - view["y"]) * view["zoom"]


def until(
    true: Callable[[], object],
    what: str,
    instead: Callable[[], object] = str,
    timeout_s: float = WAIT_S,
) -> Any:
    """Wait until `true()` gives something; what it gave. `instead()` tells why it did not."""
    give_up = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < give_up, f"not within {timeout_s:g} s: {what} {instead()}"
        time.sleep(0.1)
    return found
