"""The engine as a process of its own: started, watched, restarted within a budget, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from app.child import last_words, reason
from engine import ROOT

#: Restarts allowed within the window; one more and the engine stays down.
RESTARTS: Final = 5
WINDOW_S: Final = 60.0
_LOOK_S: Final = 0.1
#: Wait before the first restart within the window; each further one waits longer, up to 2 s.
_RESTART_S: Final = 0.2
#: How long an engine may take to its first sign of life, and then to the next, before it is killed.
FIRST_WORD_S: Final = 40.0
SILENCE_S: Final = 15.0
_LOG_BYTES: Final = 2**20
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
logger = logging.getLogger("iov_twin")


class EngineProcess:
    """`python -m engine`, kept alive while the server lives and never longer.

    Start it from the main thread: on Linux the engine is killed when the thread that started it
    ends, which is how it does not outlive a killed server.

    Args:
        command: what to run. log: file that takes what it prints.
        heartbeat: the engine's own sign of life, a number that changes; None before the first.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        heartbeat: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._command, self._log, self._heartbeat = list(command), log, heartbeat
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: set[int] = set()
        self._starts: deque[float] = deque(maxlen=RESTARTS + 1)
        self._message = "The engine is starting."
        self._given_up = False
        self._log_from = 0
        self._silent_s, self._limit_s = 0.0, FIRST_WORD_S
        self._last_beat: float | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the engine that runs now, None when none does."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the engine; what it prints goes to the log."""
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".old.log"))
        parent = os.getpid()
        with self._log.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,  # so that `-m engine` is this one, whatever lies where the user works
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509  two system calls
            )
        self._pids.add(self._process.pid)
        self._starts.append(time.monotonic())
        self._silent_s, self._last_beat, self._limit_s = 0.0, self._heartbeat(), FIRST_WORD_S

    async def watch(self) -> None:
        """Start the engine again when it ends or freezes, until the restarts are used up."""
        while not self._given_up:
            if self.pid is None:
                await self._ended()
            elif self._is_frozen():
                logger.warning("The engine was silent for %.0f s: it is killed.", self._limit_s)
                self._kill()
            await asyncio.sleep(_LOOK_S)

    async def _ended(self) -> None:
        status = self._process.returncode if self._process is not None else None
        self._kill()
        why = f"The engine ended ({reason(status)}{last_words(self._log, self._log_from)})"
        if len(self._recent()) > RESTARTS:
            self._given_up = True
            self._message = (
                f"{why}; it was restarted {RESTARTS} times within a minute and is left alone now: "
                f"see {self._log.name} in the store, then start iov-twin anew."
            )
        else:
            self._message = f"{why}; it is started again."
        logger.error("%s", self._message)
        if self._given_up:
            return
        await asyncio.sleep(min(2.0, _RESTART_S * 1.8 ** (len(self._recent()) - 1)))
        if not self._given_up:  # nobody asked for the end meanwhile
            self.start()

    def _recent(self) -> list[float]:
        """When the engine was started within the window."""
        return [at for at in self._starts if at > time.monotonic() - WINDOW_S]

    def _is_frozen(self) -> bool:
        """Whether too many looks saw no new sign of life; a suspended server takes none."""
        beat = self._heartbeat()
        if beat != self._last_beat:
            self._silent_s, self._last_beat, self._limit_s = 0.0, beat, SILENCE_S
        else:
            self._silent_s += _LOOK_S
        return self._silent_s > self._limit_s

    def overlay(self, status: dict[str, Any]) -> dict[str, Any]:
        """The status to show: what the engine said, unless it is not there to stand by it."""
        pid = self.pid
        if pid is not None and status.get("pid") == pid:
            return status
        kept = status if status.get("pid") in self._pids else {"stage": [], "notices": []}
        state = "stopped" if self._given_up else "starting"
        return {**kept, "state": state, "message": self._message}

    def stop(self, grace_s: float = 1.0) -> None:
        """End the engine: ask, wait, then kill; returns when it is gone."""
        self._given_up = True
        self._message = "The server is closing."
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._kill()

    def _kill(self) -> None:
        """Kill what is left of the engine and of the group it leads."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent ends, also when it has ended already."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
