"""The trainer of live runs: a learner in a process of its own, for which no step ever waits.

It is watched at each `poll`: one that dies, fails or hangs is started again and goes on from its
last checkpoint, as often as the budget allows.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from engine import ROOT
from engine.handover import GoneError, Handover, Job, Report
from engine.learning.trainer import Learnt, News, State
from engine.lock import HeldError, hold
from engine.params import Params
from engine.restarts import IN_VAIN, RestartBudget

logger = logging.getLogger(__name__)

#: Experiences that may wait for the learner; those that come while so many wait are dropped.
QUEUE: Final = 8
#: How long a learner that has work may say nothing, and how long it may take to be ready. Time
#: that it is ready to run and gets no processor does not count.
SILENCE_S: Final = 30.0
FIRST_WORD_S: Final = 60.0
#: Most of the time between two polls that counts as silence: a suspended engine hears nothing.
_MOST_S: Final = 2.0
_PREFIX: Final = "iov-twin-learner-"
#: A folder that nobody has held for this long is left over from an engine that was killed.
_STALE_S: Final = 60.0


class WorkerTrainer:
    """A `Trainer` whose learner is `python -m engine.learner_process`.

    Create it in the main thread: on Linux its process is killed when the thread that started it
    ends, which is how it does not outlive a killed engine.

    Args:
        scheme: a learned one.
        params: of the run.
        seed: of the learner's generator.
        policy: file to begin with; None leaves it to `params.start`.
    """

    def __init__(self, scheme: str, params: Params, seed: int, policy: Path | None = None) -> None:
        self._scheme = scheme
        self._folder, self._lock = _own_folder()
        self._job = Job(
            scheme=scheme,
            params=params,
            policy=policy.absolute() if policy is not None else None,
            seed=seed,
            checkpoint=self._folder / "state",
        )
        self._state: State = "starting"
        self._message = "The learner is starting."
        self._restarts = RestartBudget()
        self._waiting = self._dropped = 0
        self._looked = time.monotonic()
        self._start()

    @property
    def pid(self) -> int | None:
        """Process id of the learner, None when there is none."""
        return self._process.pid if self._state != "failed" else None

    def feed(self, experience: Any) -> None:
        """Hand it a step to learn from, unless `QUEUE` others wait."""
        if self._state == "failed":
            return
        if self._waiting >= QUEUE:
            self._dropped += 1
            return
        with contextlib.suppress(GoneError):  # the next poll sees why
            self._link.send(experience)
            self._waiting += 1

    def poll(self) -> News:
        """What came from the learner since the last poll; one that is lost is started again."""
        learnt: list[Learnt] = []
        weights: dict[str, Any] = {}
        if self._state != "failed":
            ended = self._listen(learnt, weights)
            if ended is not None:
                self._lost(ended)
        dropped, self._dropped = self._dropped, 0
        return News(weights or None, tuple(learnt), self._state, self._message, dropped)

    def close(self) -> None:
        """End the process at once and remove its checkpoint; safe to call twice."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.close()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "engine.learner_process",
                    str(os.getpid()), str(theirs.fileno()),
                ],
                cwd=ROOT,  # so that `-m engine` is this one, whatever lies where the user works
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C in the terminal is the engine's to handle
            )  # fmt: skip
        self._link = Handover(ours)
        self._waiting, self._is_ready = 0, False
        self._silent_s = self._used_s = 0.0
        with contextlib.suppress(GoneError):
            self._link.send(self._job)

    def _listen(self, learnt: list[Learnt], weights: dict[str, Any]) -> Report | None:
        """Take in what has arrived; gives the report of the end if that is the last of it."""
        passed = self._passed_s()
        while True:
            try:
                report: Report = self._link.receive()
            except BlockingIOError:
                break
            except GoneError:
                return Report(ended=self._reason())
            if report.ended:
                return report
            self._silent_s = passed = 0.0
            self._state, self._message, self._is_ready = "training", report.warning, True
            weights.update(report.weights or {})
            if report.learnt is not None:
                self._waiting -= 1
                learnt.append(report.learnt)
        if self._waiting or not self._is_ready:
            self._silent_s += passed
        limit_s = SILENCE_S if self._is_ready else FIRST_WORD_S
        if self._silent_s < limit_s:
            return None
        return Report(ended=f"The learner said nothing for {limit_s:.0f} s and was ended.")

    def _passed_s(self) -> float:
        """Time since the last look that the learner could have used."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, _MOST_S), now
        is_ready_to_run, used_s = _activity(self._process.pid)
        passed = min(passed, used_s - self._used_s) if is_ready_to_run else passed
        self._used_s = used_s
        return passed

    def _lost(self, last: Report) -> None:
        """The learner has ended: start it again, or leave it alone if that is in vain."""
        self._end()
        self._dropped += self._waiting
        why = last.ended.rstrip(".")
        if last.hopeless or not self._restarts.lose(time.monotonic()):
            again = "" if last.hopeless else f"; {IN_VAIN}"
            self._state = "failed"
            self._message = f"{why}{again}, so it learns no more: reset to try again."
        else:
            self._state, self._message = "restarting", f"{why}; learning goes on {self._whence()}."
            self._start()
        logger.error("%s: %s", self._scheme, self._message)

    def _whence(self) -> str:
        try:
            age_s = time.time() - self._job.checkpoint.stat().st_mtime
        except OSError:
            return "from where it began"
        return f"from its checkpoint of {max(0.0, age_s):.0f} s ago"

    def _reason(self) -> str:
        """One sentence on how the process ended."""
        try:
            status = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return "The learner closed its connection and was ended."
        if status < 0:
            return f"The learner was killed ({signal.Signals(-status).name})."
        return f"The learner ended (exit status {status})."

    def _end(self) -> None:
        self._link.close()
        self._process.kill()
        self._process.wait()


def _activity(pid: int) -> tuple[bool, float]:
    """Whether a process runs or would if there were a processor, and its processor time, s.

    (False, 0) where the system does not say.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False, 0.0
    return fields[0] == "R", (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _own_folder() -> tuple[Path, Any]:
    """A folder for this trainer alone, and the lock that says so; removes those left over."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(HeldError, OSError):
            found = left.lstat()
            # What is not ours may be a trap: a link to something that must not be emptied.
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if is_ours and time.time() - found.st_mtime > _STALE_S:
                with hold(left / "lock"):
                    shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    return folder, hold(folder / "lock")
