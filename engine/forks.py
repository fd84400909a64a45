"""The engine's side of forks: starts the process that plays one, watches it and ends it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine import ROOT
from engine.change import ForkWish
from engine.disk import StoreError
from engine.fork import ForkError, Moment
from engine.fork_play import Errand
from engine.fork_process import UNWRITTEN
from engine.fork_record import ForkRecord, ForkStatus, State
from engine.handover import GoneError, Handover
from engine.session import Session

logger = logging.getLogger(__name__)

#: How long a fork may say nothing; a step of the largest city takes seconds.
SILENCE_S: Final = 120.0
#: When the store is asked again to take a last word.
_RETRY_S: Final = 0.5
_ENGINE_ENDED: Final = "The engine ended, and the fork with it: ask for it again."
_MISSED: Final = "The engine was not there when this fork was asked for: ask for it again."


class Forks:
    """The newest fork of a store, and its process; one at a time.

    Use it from the main thread: on Linux the process is killed when the thread that started it
    ends, which is how it does not outlive a killed engine.

    Args:
        store: folder of the store.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._record: ForkRecord | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Handover | None = None
        self._status = ForkStatus()
        self._heard_at = self._tried_at = 0.0
        self._unwritten: ForkStatus | None = None
        self._troubles: list[str] = []

    def settle(self, wish: ForkWish) -> None:
        """Say what became of a fork that an earlier engine played, or that nobody did."""
        self._status = _status(wish)
        kept = self._kept()
        if kept is not None and kept.state == "running":
            self._write_last(kept.ended("failed", _ENGINE_ENDED))
        if wish.id and (kept is None or kept.id != wish.id):
            self._write_last(_status(wish).ended("failed", _MISSED))

    def follow(self, wish: ForkWish, session: Session | None, run: str) -> None:
        """Play what is wished, from now on, unless it is the newest fork already.

        Args:
            wish: what is wanted, none if it has no id.
            session: what is forked, between two steps.
            run: it is of.
        """
        if wish.id == self._status.id:
            return
        self._end("cancelled", "The fork was cancelled.")
        self._status = _status(wish, run=run)
        if not wish.id:
            return
        self._unwritten = None
        try:
            if session is None:
                raise ForkError("There is no run to fork from: reset first.")
            wish.change.check(session.stage)
            moment = Moment.of(session)
        except ValueError as error:
            self._write_last(self._status.ended("failed", str(error)))
            return
        self._status = replace(self._status, from_step=moment.step, stage=moment.stage)
        self._write(self._status)  # if it fails, the process will say as much
        try:
            self._start(Errand(self._store, self._status, moment, wish.change))
        except OSError as error:
            why = f"The fork cannot be started ({os.strerror(error.errno or 0)})."
            self._write_last(self._status.ended("failed", why))

    def look(self) -> None:
        """See whether the process lives and gets on; call it often."""
        if self._unwritten is not None and time.monotonic() > self._tried_at + _RETRY_S:
            self._write_last(self._unwritten)
        if self._process is None or self._link is None:
            return
        exit_status = self._process.poll()
        with contextlib.suppress(BlockingIOError, GoneError):
            while True:
                self._link.receive()
                self._heard_at = time.monotonic()
        if exit_status is not None:
            self._end("failed", _reason(exit_status))
        elif time.monotonic() > self._heard_at + SILENCE_S:
            self._end("failed", f"The fork said nothing for {SILENCE_S:.0f} s and was ended.")

    def take_troubles(self) -> list[str]:
        """What could not be written since the last call, one sentence each."""
        taken, self._troubles = self._troubles, []
        return taken

    def close(self) -> None:
        """End the process at once; safe to call twice."""
        self._end("failed", _ENGINE_ENDED)
        if self._record is not None:
            self._record.close()

    def _start(self, errand: Errand) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "engine.fork_process",
                    str(os.getpid()), str(theirs.fileno()),
                ],
                cwd=ROOT,  # so that `-m engine` is this one, whatever lies where the user works
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C in the terminal is the engine's to handle
            )  # fmt: skip
        self._link, self._heard_at = Handover(ours), time.monotonic()
        with contextlib.suppress(GoneError):  # the next look sees why
            self._link.send(errand)

    def _end(self, state: State, message: str) -> None:
        """End the process if there is one, and say so where it has not had the last word."""
        if self._process is None or self._link is None:
            return
        self._link.close()
        self._process.kill()
        self._process.wait()
        self._process = self._link = None
        kept = self._kept()
        if kept is None or kept.id != self._status.id:
            kept = self._status
        if kept.state == "running":
            logger.info("fork %s: %s", state, message)
            self._write_last(kept.ended(state, message))

    def _kept(self) -> ForkStatus | None:
        """What the store says of the newest fork, None where it says nothing."""
        try:
            return self._open().status()
        except StoreError as error:
            self._troubles.append(str(error))
            return None

    def _write_last(self, status: ForkStatus) -> None:
        """Say how a fork ended, as often as it takes."""
        first = status is not self._unwritten
        self._tried_at, self._unwritten = time.monotonic(), status
        trouble = self._write(status)
        if not trouble:
            self._unwritten = None
        elif first:
            self._troubles.append(f"{trouble} How the fork ended is not written yet.")

    def _write(self, status: ForkStatus) -> str:
        """Write a status; gives what is wrong if it cannot be written."""
        try:
            self._open().write(status)
        except StoreError as error:
            return str(error)
        return ""

    def _open(self) -> ForkRecord:
        self._record = self._record or ForkRecord(self._store)
        return self._record


def _status(wish: ForkWish, run: str = "") -> ForkStatus:
    """How a fork stands before it has begun."""
    change = wish.change.as_json()
    return ForkStatus(
        id=wish.id, message="The fork is starting.", run=run, steps=wish.steps, change=change
    )


def _reason(exit_status: int) -> str:
    """One sentence on how the process ended."""
    if exit_status == UNWRITTEN:
        return "The fork ended because the store could not be written."
    if exit_status < 0:
        return f"The fork was killed ({signal.Signals(-exit_status).name})."
    return f"The fork ended (exit status {exit_status})."
