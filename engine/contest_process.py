"""`python -m engine.contest_process`: a contest in a process of its own, for the web server.

It writes how far it is and what came of it into the store, see `engine.contest_job`, and ends with
the server that started it. SIGTERM cancels it; what is played by then is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine import policy_files
from engine.contest_job import FIRST_SEED, LOCK, UNWRITTEN, ContestRecord, Request
from engine.disk import StoreError
from engine.lock import HeldError, hold
from engine.parent import die_with

if TYPE_CHECKING:
    from engine.contest import Contest

logger = logging.getLogger("engine.contest")

#: The live engine's steps come first.
_NICE: Final = 5
#: Seconds between two signs of life, and how long the store may refuse them.
_TELL_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_RETRY_S: Final = 0.2
_CANCEL: Final = (signal.SIGTERM, signal.SIGINT)


class Job:
    """A contest at work, and what it says of itself.

    Args:
        record: of the store. job: what the server calls it. request: what is asked for.
        parent: process id of the server.
    """

    def __init__(self, record: ContestRecord, job: str, request: Request, parent: int) -> None:
        self._record, self._job, self._request, self._parent = record, job, request, parent
        self._contest: Contest | None = None
        self._began: tuple[int, float] | None = None
        self._told = time.monotonic()
        self._steps = 0
        self._eta_s: float | None = None
        self._refused: float | None = None  # since when the store takes nothing

    def run(self, mobility: str, policies: dict[str, Path]) -> None:
        """Play it, to the end or until it fails or is cancelled; raises StoreError."""
        try:
            self._say("running", "The contest is starting.")
            self._play(mobility, policies)
        except KeyboardInterrupt:
            self._end("cancelled", f"The contest was cancelled; {self._kept}.")
        except ValueError as error:  # a policy or trace that cannot be used, and its like
            self._end("failed", str(error))
        except StoreError:
            raise
        except Exception as error:
            logger.exception("the contest failed")
            fault = type(error).__name__
            self._end("failed", f"The contest failed on an internal error ({fault}); {self._kept}.")

    def _play(self, mobility: str, policies: dict[str, Path]) -> None:
        from engine.contest import Contest, Plan  # noqa: PLC0415  half a second, told meanwhile

        wanted = self._request
        plan = Plan(
            params=wanted.params,
            schemes=wanted.schemes,
            seeds=tuple(range(FIRST_SEED, FIRST_SEED + wanted.seeds)),
            steps=wanted.steps,
            skip=wanted.skip,
            mobility=mobility,
            policies=policies,
        )
        contest = self._contest = Contest(plan)
        for _ in contest.play(self._progress):
            self._say("running", self._message())
        missing = wanted.seeds - contest.done
        lost = next(reversed(contest.failed.values()), "").partition(": reset")[0].rstrip(".")
        if contest.done + len(contest.failed) < wanted.seeds or not contest.done:
            self._end("failed", f"{lost}, on one seed after another; {self._kept}.")
        elif missing:
            self._end("done", f"{self._kept}; the traffic of the others was lost: {lost}.")
        else:
            self._end("done", f"{wanted.seeds} seeds are played.")

    def _progress(self, steps: int) -> None:
        """Tell how far it is, now and then."""
        if os.getppid() != self._parent:
            raise KeyboardInterrupt
        now = time.monotonic()
        first, began = self._began = self._began or (steps, now)
        self._steps = steps
        if now < self._told + _TELL_S:
            return
        if steps > first:
            left = self._request.seeds * self._request.steps - steps
            self._eta_s = round((now - began) / (steps - first) * left, 1)
        self._say("running", self._message())
        self._told = time.monotonic()

    def _message(self) -> str:
        return f"{self._done} of {self._request.seeds} seeds are played."

    @property
    def _done(self) -> int:
        return self._contest.done if self._contest is not None else 0

    @property
    def _kept(self) -> str:
        return f"{self._done} of {self._request.seeds} seeds are kept"

    def _end(self, state: str, message: str) -> None:
        """Say the last word, until it is written."""
        while not self._say(state, message):
            time.sleep(_RETRY_S)

    def _say(self, state: str, message: str) -> bool:
        """Write all that is known; False if the store refuses. Raises StoreError at long last."""
        status = {
            "job": self._job,
            "state": state,
            "message": message,
            "done": self._done,
            "of": self._request.seeds,
            "eta_s": self._eta_s if state == "running" else None,
            "steps": self._steps,
        }
        contest = self._contest.as_json() if self._contest is not None else None
        try:
            with _undisturbed():
                self._record.write(status, contest)
        except StoreError:
            self._refused = self._refused or time.monotonic()
            if time.monotonic() > self._refused + _PATIENCE_S:
                raise
            return False
        self._refused = None
        return True


def main(arguments: list[str] | None = None) -> int:
    """Play the contest; returns the exit status: 0 told how it ended, 2 not begun, `UNWRITTEN`."""
    options = _parser().parse_args(arguments)
    die_with(options.parent)
    for number in _CANCEL:
        signal.signal(number, _cancel)
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        with hold(options.store / LOCK), contextlib.closing(ContestRecord(options.store)) as record:
            job = Job(
                record, options.job, Request.parse(json.loads(options.request)), options.parent
            )
            job.run(options.mobility, policy_files.parse(options.policy))
    except KeyboardInterrupt:
        return 0
    except HeldError as held:
        logger.error("another contest (process %s) is played on this store", held.owner)  # noqa: TRY400
        return 2
    except (StoreError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400  a sentence for the user, not a fault of ours
        return UNWRITTEN
    return 0


def _cancel(signum: int, frame: object) -> None:
    del signum, frame
    for number in _CANCEL:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Be cancelled after this, not in the middle of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _CANCEL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _CANCEL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.contest_process", description=__doc__)
    parser.add_argument("--parent", type=int, required=True, help="process id of the server")
    parser.add_argument("--store", type=Path, required=True, help="folder of the store")
    parser.add_argument("--job", required=True, help="what the server calls this contest")
    parser.add_argument("--request", required=True, help="what is asked for, JSON")
    parser.add_argument("--mobility", default="sumo", help="sumo, synthetic or a trace (.npz)")
    parser.add_argument("--policy", action="append", default=[], help="SCHEME=FILE")
    return parser


if __name__ == "__main__":
    status = main()
    # All is closed and written; what Python would do yet is take torch apart, for half a second.
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
