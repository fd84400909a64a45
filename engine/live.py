"""The live loop: reads what is wanted, steps at the wanted pace, publishes what happened."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine import learning_log, notices, wire
from engine.control import Control
from engine.forks import Forks
from engine.pace import Pacer
from engine.params import Params
from engine.physics.load import load_index
from engine.publisher import Publisher
from engine.restarts import IN_VAIN, RestartBudget
from engine.session import Session, Stepped
from engine.types import Mobility, MobilityLost
from engine.worker import WorkerTrainer

logger = logging.getLogger(__name__)

#: Longest nap between two looks at the controls: what a click waits for at most.
_NAP_S: Final = 0.02
#: Shortest time between two looks, when steps come without a nap.
_LOOK_S: Final = 0.01
#: Seconds between two statuses when nothing steps, and between two looks at the store's folder.
_STATUS_S: Final = 0.25
_TEND_S: Final = 1.0
#: Shortest time between two frames when steps come faster than anybody can follow.
_FRAME_S: Final = 1 / 30
#: Shortest time between two statuses that go with frames.
_STATUS_APART_S: Final = 0.05
#: Shortest time between two explanations of what is inspected, at full speed.
_EXPLAIN_S: Final = 0.1
#: The version before any was read.
_NEVER: Final = -2
_BACKOFF_S: Final = 0.1
_NOTICES: Final = 40
#: Steps over which the share of `best` cut short is told.
_CUT_WINDOW: Final = 60


class Live:
    """The engine at work on a store.

    Args:
        publisher: the store. open_mobility: a source of motion for these parameters, anew at each
            call. static: scenery of the city as JSON. policies: files that learned schemes start
            from.
    """

    def __init__(
        self,
        publisher: Publisher,
        open_mobility: Callable[[Params], Mobility],
        static: Callable[[], bytes],
        policies: Mapping[str, Path] | None = None,
    ) -> None:
        self._store = publisher
        self._open_mobility = open_mobility
        self._static = static
        self._policies = dict(policies or {})
        self._control = Control()
        self._version = _NEVER
        self._next_look = 0.0
        self._session: Session | None = None
        self._forks = Forks(publisher.path)
        self._run = ""
        self._state = "starting"
        self._message = "Starting the traffic."
        self._steps_owed = 0
        self._pacer = Pacer()
        self._restarts = RestartBudget()
        self._notices: deque[dict[str, Any]] = deque(maxlen=_NOTICES)
        self._cut_short: deque[bool] = deque(maxlen=_CUT_WINDOW)
        self._lessons: dict[str, dict[str, Any]] = {}
        self._latest: Stepped | None = None
        self._unpublished = False
        self._stepped_with = (Params(), self._control.stage, self._control.down)
        self._next_status = self._next_tend = self._next_explain = self._next_frame = 0.0
        self._explained: tuple[tuple[str, ...], int] = ((), -1)

    def run(self) -> None:
        """Work until an exception, such as a signal's, ends it; then close what it opened."""
        try:
            with _uncollected():
                self._store.say(self._status())
                self._turn()  # begins the run
            while True:
                self._turn()
        finally:
            self.close()

    def close(self) -> None:
        """End the mobility, the learners and the fork; safe to call twice."""
        self._forks.close()
        self._close_session()

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.close()

    def stopped(self, state: str, message: str) -> None:
        """Publish the last status: the process is about to end."""
        self._state, self._message = state, message
        self._say()

    def _turn(self) -> None:
        """One look at the controls, and a step or a nap."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_S
            self._listen()
            now = time.monotonic()
        if now >= self._next_tend:
            self._next_tend = now + _TEND_S
            self._store.tend()
        self._forks.look()
        for text in (*self._store.take_notices(), *self._forks.take_troubles()):
            self._notice(text, "warning")
        wait_s = self._wait_s(now)
        if wait_s <= 0.0:
            self._step()
        now = time.monotonic()
        if now >= self._next_frame or self._wait_s(now) > 0.0:
            self._publish()
        self._explain(now)
        if now >= self._next_status:
            self._say()
        if wait_s > 0.0:
            time.sleep(max(0.0, min(wait_s, _NAP_S)))

    def _wait_s(self, now: float) -> float:
        """Seconds until the next step, infinite while paused or failed."""
        if self._session is None or self._state == "failed":
            return np.inf
        if self._session.next_step == 0 or self._steps_owed:
            return 0.0
        return self._pacer.wait_s(self._control.speed, now) if self._control.running else np.inf

    # Controls

    def _listen(self) -> None:
        version = self._store.version()
        # Below 0 is a control that was deleted: what it said stays in force.
        if version == self._version or (version < 0 and self._version != _NEVER):
            return
        self._publish()  # what was done under the old control
        wanted = self._store.wanted()
        before, self._control = self._control, wanted
        first, self._version = self._version == _NEVER, version
        self._steps_owed += 0 if first else max(0, wanted.steps - before.steps)
        if first or wanted.reset != before.reset:
            self._begin()
        elif self._session is not None:
            self._apply(self._session)
        if first:
            self._forks.settle(wanted.fork)
        else:
            self._forks.follow(wanted.fork, self._session, self._run)
        self._say()

    def _apply(self, session: Session) -> None:
        """Put the control in force between two steps, log it and say what changed."""
        step, before = session.next_step, session.in_force
        try:
            session.apply(self._control.params, self._control.stage, self._control.down)
        except ValueError as error:
            self._notice(str(error), "error")
        after = session.in_force
        if after == before:
            return
        self._store.log_change({**session.state(), "version": self._control.version})
        # A dragged slider changes many times between two steps: only the sum of it is told.
        for told in [n for n in self._notices if (n["step"], n["level"]) == (step, "change")]:
            self._notices.remove(told)
        for text in notices.changes(self._stepped_with, after):
            logger.info("step %d: %s", step, text)
            self._notice(text, "change")

    # Runs

    def _begin(self) -> None:
        """Start a new run with all that is wanted."""
        self._close_session()
        self._session, self._latest, self._unpublished = None, None, False
        self._steps_owed = 0
        self._pacer = Pacer()
        self._notices.clear()
        self._restarts.renew()
        self._cut_short.clear()
        self._lessons = {}
        self._run = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        self._state, self._message = "starting", "Starting the traffic."
        self._say()
        control = self._control
        try:
            mobility = self._open_mobility(control.params)
            self._session = Session(
                control.params, control.stage, mobility, control.down, WorkerTrainer, self._policies
            )
            static = self._static()
        except (MobilityLost, ValueError) as error:
            self._fail(str(error))
            return
        self._stepped_with = self._session.in_force
        about = {
            **self._session.state(),
            "seed": control.params.seed,
            "mobility": mobility.digest,
            "version": control.version,
        }
        self._store.begin_run(self._run, about, static)
        logger.info("run %s begins, seed %d", self._run, control.params.seed)

    def _resume(self, error: MobilityLost) -> None:
        """Go on with new traffic after the mobility was lost, as often as the budget allows."""
        assert self._session is not None
        ended = str(error).partition(": reset")[0].rstrip(".")
        step = self._session.next_step
        while True:
            restart = self._restarts.lose(time.monotonic())
            if not restart:
                self._fail(f"{ended}; {IN_VAIN}, so it is left alone: reset to try again.")
                return
            self._message = f"{ended}; starting the traffic anew."
            self._say()
            time.sleep(_BACKOFF_S * 2 ** (restart - 1))
            try:
                self._session.resume(self._open_mobility(self._session.params))
            except MobilityLost as again:
                ended = str(again).rstrip(".")
                continue
            break
        self._message = ""
        self._store.log_change({**self._session.state(), "version": self._control.version})
        self._notice(f"{ended}; traffic started anew at step {step}", "error")
        logger.warning("%s; traffic started anew at step %d", ended, step)

    def _fail(self, sentence: str) -> None:
        self._state, self._message = "failed", sentence
        logger.error("%s", sentence)
        self._say()

    # Steps

    def _step(self) -> None:
        assert self._session is not None
        started = time.monotonic()
        try:
            stepped = self._session.step()
        except MobilityLost as error:
            self._resume(error)
            return
        self._pacer.stepped(self._control.speed, started)
        self._steps_owed = max(0, self._steps_owed - 1)
        self._latest = stepped
        self._stepped_with = self._session.in_force
        self._cut_short.append(self._session.best_cut_short)
        self._state, self._message = "running", ""
        rows = stepped.rows.astype(np.float32)
        self._store.record(stepped.scene.step, self._session.stage, rows, later=True)
        self._tell_learning(self._session)
        self._unpublished = True

    def _publish(self) -> None:
        """Write what is recorded of all steps since the last time, then show the newest of them."""
        if self._latest is None or not self._unpublished:
            return
        self._unpublished = False
        self._store.write_waiting()
        frame, now = self._frame(self._latest), time.monotonic()
        # At full speed nobody reads hundreds of statuses a second.
        due = now >= self._next_status - _STATUS_S + _STATUS_APART_S
        self._store.show(frame, self._status() if due else None)
        self._next_frame = now + _FRAME_S
        if due:
            self._next_status = now + _STATUS_S

    def _tell_learning(self, session: Session) -> None:
        """Record what was learnt, and notice what went wrong with it."""
        learnt, statuses = session.comparison.learnt(), session.comparison.learning()
        if learnt:
            entries = [learning_log.entry(name, one) for name, one in learnt]
            self._store.learned(entries, later=True)
        for text, level in notices.learning(learnt, self._lessons, statuses):
            logger.warning("step %d: %s", session.next_step - 1, text)
            self._notice(text, level)
        self._lessons = statuses

    def _frame(self, stepped: Stepped) -> bytes:
        scene, arms = stepped.scene, list(stepped.arms.values())
        interval_s = float(self._params.sync_interval)
        age_s = arms[0].observation.age_s if arms else np.zeros(len(scene.vehicle))
        return wire.stored_frame(
            scene,
            [
                wire.ArmView(arm.outcome, arm.battery_fraction, arm.backlog_s, arm.requests, arm.up)
                for arm in arms
            ],
            seq=self._store.next_seq,
            written=time.time(),
            applied_version=max(0, self._version),
            run=self._run,
            twin_age_s=arms[0].observation.rsus.age_s if arms else 0.0,
            twin_age_steps=age_s / interval_s,
            radio_up=np.asarray(np.isfinite(scene.distance_m).any(axis=0)),
            best_cut_short=self._cut_short[-1],
        )

    # What is said

    @property
    def _params(self) -> Params:
        return self._session.params if self._session is not None else self._control.params

    def _explain(self, now: float) -> None:
        session, latest = self._session, self._latest
        if session is None or latest is None or self._unpublished or now < self._next_explain:
            return
        keys = self._store.watched()
        asked = (keys, latest.scene.step)
        if asked == self._explained:
            return
        self._explained = asked
        self._next_explain = now + _EXPLAIN_S
        self._store.explain({key: self._explained_thing(session, latest, key) for key in keys})

    def _explained_thing(self, session: Session, latest: Stepped, key: str) -> dict[str, Any]:
        try:
            return session.explain(latest.scene, key)
        except Exception as error:
            # To look at a thing must never end the run, and a restart would look at it again.
            logger.exception("explaining %s failed", key)
            text = f"{key} cannot be explained ({type(error).__name__}): see the engine's log"
            if not self._notices or self._notices[-1]["text"] != text:
                self._notice(text, "error")
            return {"key": key, "present": False}

    def _notice(self, text: str, level: str) -> None:
        step = self._session.next_step if self._session is not None else 0
        self._notices.append({"step": step, "text": text, "level": level})

    def _say(self) -> None:
        self._publish()  # a status tells of no step whose metrics are not kept
        self._next_status = time.monotonic() + _STATUS_S
        self._store.say(self._status())

    def _status(self) -> dict[str, Any]:
        session, latest = self._session, self._latest
        vehicles = len(latest.scene.vehicle) if latest is not None else 0
        paused = self._state == "running" and not self._control.running and not self._steps_owed
        return {
            "state": "paused" if paused else self._state,
            "message": self._message,
            "run": self._run,
            "segment": session.segment if session is not None else 0,
            "step": latest.scene.step if latest is not None else -1,
            "t_s": latest.scene.t_s if latest is not None else 0.0,
            "applied_version": max(0, self._version),
            "pace": round(self._pacer.measured(time.monotonic()), 2),
            "speed": self._control.speed,
            "vehicles": vehicles,
            "load_index": load_index(self._params, vehicles, len(latest.scene.rsus.up))
            if latest is not None
            else None,
            "stage": list(session.stage if session is not None else self._control.stage),
            "params": self._params.as_json(),
            "pending": list(self._control.pending(self._params)),
            "down": sorted(self._control.down),
            "notices": list(self._notices),
            "learning": session.comparison.learning() if session is not None else {},
            "best_cut_short": sum(self._cut_short) / max(1, len(self._cut_short)),
            "pid": os.getpid(),
            "sumo_pid": session.mobility.pid if session is not None else None,
        }


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Spend no time on garbage while much is made that stays, nor later on looking through that."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
