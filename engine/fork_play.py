"""A fork at work: plays two futures, and tells the store how far they are and what came of them."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from engine.change import Change
from engine.disk import StoreError
from engine.fork import Futures, Moment
from engine.fork_record import ForkRecord, ForkStatus, State
from engine.handover import GoneError, Handover
from engine.rows import F32
from engine.types import MobilityLost

logger = logging.getLogger(__name__)

#: Shortest time between two statuses, how long the store may refuse them, and when it is asked
#: again for the last one.
_TELL_S: Final = 0.5
PATIENCE_S: Final = 5.0
_RETRY_S: Final = 0.1


@dataclass(frozen=True)
class Errand:
    """What to play.

    Attributes:
        store: folder to write into. status: of the fork as it begins.
        moment, change: what both futures go on from, and what sets them apart.
    """

    store: Path
    status: ForkStatus
    moment: Moment
    change: Change


class Play:
    """An errand at work.

    Args:
        link: to the engine, which takes a number now and then as a sign of life.
        errand: what to play. record: of the store.
    """

    def __init__(self, link: Handover, errand: Errand, record: ForkRecord) -> None:
        self._link, self._errand, self._record = link, errand, record
        self._status = errand.status
        self._rows: list[F32] = []
        self._told_at = 0.0
        self._refused_at: float | None = None

    def run(self) -> None:
        """Play both futures to the end, or as far as they go.

        Raises:
            StoreError: how it ended cannot be written. GoneError: the engine has ended.
        """
        try:
            self._play()
        except (ValueError, MobilityLost) as error:  # a sentence for the user
            self._end("failed", str(error))
        except (GoneError, StoreError):
            raise
        except Exception as error:
            logger.exception("the fork failed")
            fault = type(error).__name__
            self._end("failed", f"The fork failed on an internal error ({fault}): see the log.")
        else:
            self._end("done", "")

    def _play(self) -> None:
        errand, steps = self._errand, self._status.steps
        self._tell("The fork is starting.")
        futures = Futures(errand.moment, errand.change, self._on_the_way)
        with contextlib.closing(futures):
            stages = futures.base.stage, futures.changed.stage
            self._status = replace(self._status, stage=stages[0], changed_stage=stages[1])
            for done in range(1, steps + 1):
                base, changed = futures.step()
                self._rows.append(np.concatenate([base.rows, changed.rows]).astype(np.float32))
                digest = dict(zip(("base", "changed"), futures.digests, strict=True))
                self._status = replace(self._status, done=done, digest=digest)
                self._tell(f"Second {done} of {steps}.")

    def _on_the_way(self, done: int, of: int) -> None:
        self._tell(f"The traffic is driven again up to this second: {done} of {of}.")

    def _tell(self, message: str) -> None:
        """Say how far it is, if it is time."""
        now = time.monotonic()
        if now < self._told_at + _TELL_S:
            return
        self._told_at = now
        self._link.send(self._status.done)
        self._status = replace(self._status, message=message)
        self._write()

    def _end(self, state: State, message: str) -> None:
        """Say the last word, until it is written."""
        self._status = self._status.ended(state, message)
        while not self._write():
            time.sleep(_RETRY_S)

    def _write(self) -> bool:
        """Write all that is known; False if the store refuses. Raises StoreError at long last."""
        try:
            self._record.write(self._status, np.array(self._rows, np.float32))
        except StoreError:
            now = time.monotonic()
            self._refused_at = self._refused_at or now
            if now > self._refused_at + PATIENCE_S:
                raise
            return False
        self._refused_at = None
        return True
