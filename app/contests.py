"""The contest that a page has asked for: a process of its own, one at a time, and what it says."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.child import last_words, reason
from engine import ROOT
from engine.contest_job import UNWRITTEN, ContestRecord, Request
from engine.control import ControlConflict

#: How long a contest may be asked to end before it is killed, and may say nothing.
GRACE_S: Final = 3.0
SILENCE_S: Final = 120.0
_NONE: Final = {"state": "none", "message": "", "done": 0, "of": 0, "eta_s": None}


class Contests:
    """Starts, watches and ends the contest of a store; what it has played outlives it.

    Start it from the main thread: on Linux its process is killed when the thread that started it
    ends, which is how it does not outlive a killed server.

    Args:
        store: folder of the store.
        mobility: what moves the vehicles: `sumo`, `synthetic` or a trace.
        policies: files that learned schemes start from.
    """

    def __init__(
        self, store: Path, mobility: str = "sumo", policies: Mapping[str, Path] | None = None
    ) -> None:
        self._store, self._mobility, self._policies = store, mobility, dict(policies or {})
        self._log = store / "contest.log"
        self._lock = threading.Lock()
        self._record: ContestRecord | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._job = ""
        self._seeds = 0
        self._ended = ""  # why we ended it, if we did
        self._heard: tuple[dict[str, Any], float] = ({}, 0.0)

    def start(self, request: Request) -> None:
        """Begin a contest in place of the one before.

        Raises:
            ControlConflict: one is being played. OSError: its process cannot be started.
            StoreError: the store cannot be read.
        """
        with self._lock:
            if self._is_alive and self._now()["state"] == "running":
                raise ControlConflict("A contest is being played: cancel it first.")
            self._kill()
            self._job, self._seeds, self._ended = secrets.token_hex(8), request.seeds, ""
            self._heard = {}, time.monotonic()
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    self._command(request),
                    cwd=ROOT,  # so that `-m engine` is this one, whatever lies where the user works
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C in the terminal is the server's to handle
                )

    def state(self) -> dict[str, Any]:
        """How it stands: `state`, `message`, `done`, `of`, `eta_s` and the `contest` so far.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            return self._now()

    def kept(self) -> dict[str, dict[str, Any]]:
        """The newest contest by `own` and by `equal` ingredients, as far as there are any.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            self._record = self._record or ContestRecord(self._store)
            return self._record.kept()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Cancel the contest: ask, wait, then kill; returns when its process is gone."""
        process = self._process
        if process is None or not self._is_alive:
            return
        self._ended = self._ended or "was cancelled"
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        self._kill()

    @property
    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _command(self, request: Request) -> list[str]:
        words = [sys.executable, "-m", "engine.contest_process", "--parent", str(os.getpid())]
        words += ["--store", str(self._store), "--job", self._job, "--mobility", self._mobility]
        words += ["--request", json.dumps(request.as_json())]
        for name, path in self._policies.items():
            words += ["--policy", f"{name}={path}"]
        return words

    def _now(self) -> dict[str, Any]:
        self._record = self._record or ContestRecord(self._store)
        # First the process, then its words: one that ends in between has spoken its last.
        exit_status = self._process.poll() if self._process is not None else None
        status = self._record.status()
        if self._process is None:
            return self._told(status, "ended with the server that played it")
        if status.get("job") != self._job:
            status = {"job": self._job, "state": "running", "message": "The contest is starting."}
            status |= {"done": 0, "of": self._seeds, "eta_s": None}
        if exit_status is None and status["state"] == "running":
            if self._is_silent(status):
                self._ended = f"said nothing for {SILENCE_S:.0f} s and was ended"
                self._kill()
                return self._told(status, self._ended)
            return self._with_contest(status)
        return self._told(status, self._ended or self._why(exit_status))

    def _why(self, exit_status: int | None) -> str:
        if exit_status == UNWRITTEN:
            return f"ended because the store could not be written{last_words(self._log)}"
        return f"ended ({reason(exit_status)}{last_words(self._log)})"

    def _told(self, status: dict[str, Any], why: str) -> dict[str, Any]:
        """The last status of a process that is gone, or why there is no last one."""
        if not status:
            return {**_NONE, "contest": None}
        if status["state"] == "running":
            state = "cancelled" if why == "was cancelled" else "failed"
            kept = f"{status['done']} of {status['of']} seeds are kept"
            message = f"The contest {why}; {kept}."
            status = {**status, "state": state, "message": message, "eta_s": None}
        return self._with_contest(status)

    def _with_contest(self, status: dict[str, Any]) -> dict[str, Any]:
        assert self._record is not None
        shown = {name: status[name] for name in _NONE}
        return {**shown, "contest": self._record.results(status["job"])}

    def _is_silent(self, status: dict[str, Any]) -> bool:
        """Whether it has said the same for too long."""
        now = time.monotonic()
        if status != self._heard[0]:
            self._heard = status, now
        return now - self._heard[1] > SILENCE_S

    def _kill(self) -> None:
        """Kill what is left of the contest and of the group it leads."""
        if self._process is None or not self._is_alive:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
