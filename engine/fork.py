"""Two futures of one moment: what goes on as it is, and what goes on with a change."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from engine.change import Change
from engine.params import Params
from engine.session import Session, Stepped
from engine.types import Mobility, MobilityFork, Progress, Scene, Snapshot

#: What a pickled session says where its mobility was.
_MOBILITY: Final = "mobility"
#: Parameters that say how many vehicles drive.
_TRAFFIC: Final = ("vehicles", "density")


class ForkError(ValueError):
    """A session that cannot be forked; the message is one sentence."""


@dataclass(frozen=True)
class Moment:
    """A session between two steps, whole: schemes and their generators, arms, world, mobility.

    Attributes:
        step: number of the next step. params, stage: in force.
        content: the session, pickled. mobility: where that stood.
    """

    step: int
    params: Params
    stage: tuple[str, ...]
    content: bytes
    mobility: MobilityFork

    @classmethod
    def of(cls, session: Session) -> Moment:
        """The session as it stands; it goes on undisturbed.

        Raises:
            ForkError: a scheme on stage holds what cannot be copied.
        """
        content = io.BytesIO()
        try:
            _Pickler(content, session.mobility).dump(session)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ForkError(f"A scheme on stage cannot be copied ({str(error)[:120]}).") from error
        return cls(
            step=session.next_step,
            params=session.params,
            stage=session.stage,
            content=content.getvalue(),
            mobility=session.mobility.fork(),
        )

    def session(self, mobility: Mobility) -> Session:
        """A session that goes on from here, with this mobility."""
        return cast(Session, _Unpickler(self.content, mobility).load())


class Futures:
    """Two sessions that go on from one moment side by side, by the weights in force then.

    Args:
        moment: what both go on from.
        change: what the second has that the first has not.
        progress: told how far the way to that moment is driven again.

    Raises:
        ValueError: the change is not possible. MobilityLost: the traffic is.
    """

    def __init__(self, moment: Moment, change: Change, progress: Progress) -> None:
        change.check(moment.stage)
        traffic = (_Traffic(), _Traffic())
        self.base, self.changed = (moment.session(mobility) for mobility in traffic)
        frozen = dataclasses.replace(moment.params, train=False)
        self.base.apply(frozen, self.base.stage, self.base.down)
        if change.replace is not None:
            self.changed.replace(*change.replace)
        stage = self.changed.stage if change.stage is None else change.stage
        self.changed.apply(change.params_on(frozen), stage, self.changed.down)
        self._digests = (hashlib.sha256(), hashlib.sha256())
        try:
            self._open(traffic, moment.mobility, progress)
        except BaseException:
            self.close()
            raise

    def step(self) -> tuple[Stepped, Stepped]:
        """Simulate one second of both.

        Raises:
            MobilityLost: the traffic ended.
        """
        stepped = (self.base.step(), self.changed.step())
        for digest, one in zip(self._digests, stepped, strict=True):
            _take_in(digest, one.scene)
        return stepped

    @property
    def digests(self) -> tuple[str, str]:
        """Over all scenes of each: the same where both met the same vehicles, tasks and fading."""
        base, changed = (digest.hexdigest() for digest in self._digests)
        return base, changed

    def close(self) -> None:
        """End the traffic; safe to call twice."""
        self.base.close()
        self.changed.close()

    def _open(
        self, traffic: tuple[_Traffic, _Traffic], fork: MobilityFork, progress: Progress
    ) -> None:
        """Let the vehicles drive, once for both where both want as many of them."""
        ours, theirs = self.base.params, self.changed.params
        if all(getattr(ours, name) == getattr(theirs, name) for name in _TRAFFIC):
            traffic[0].source = fork.open(progress)
            traffic[1].source = _Echo(traffic[0])
            return
        traffic[0].source = fork.open(lambda done, of: progress(done, 2 * of))
        traffic[1].source = fork.open(lambda done, of: progress(of + done, 2 * of))


class _Traffic:
    """Moves the vehicles of one future, once its source is there."""

    digest = ""

    def __init__(self) -> None:
        self.source: Mobility | None = None
        self.shown: Snapshot | None = None

    def step(self, target_vehicles: int) -> Snapshot:
        assert self.source is not None
        self.shown = self.source.step(target_vehicles)
        return self.shown

    def fork(self) -> MobilityFork:
        assert self.source is not None
        return self.source.fork()

    def close(self) -> None:
        if self.source is not None:
            self.source.close()


class _Echo:
    """Shows what another has just shown."""

    digest = ""

    def __init__(self, heard: _Traffic) -> None:
        self._heard = heard

    def step(self, target_vehicles: int) -> Snapshot:
        del target_vehicles
        assert self._heard.shown is not None
        return self._heard.shown

    def fork(self) -> MobilityFork:
        return self._heard.fork()

    def close(self) -> None:
        """Nothing to end."""


class _Pickler(pickle.Pickler):
    """Leaves out the mobility."""

    def __init__(self, content: io.BytesIO, mobility: Mobility) -> None:
        super().__init__(content, protocol=5)
        self._mobility = mobility

    def persistent_id(self, obj: Any) -> str | None:
        return _MOBILITY if obj is self._mobility else None


class _Unpickler(pickle.Unpickler):
    """Puts another mobility in its place."""

    def __init__(self, content: bytes, mobility: Mobility) -> None:
        super().__init__(io.BytesIO(content))
        self._mobility = mobility

    def persistent_load(self, pid: Any) -> Mobility:
        assert pid == _MOBILITY
        return self._mobility


def _take_in(digest: Any, scene: Scene) -> None:
    """Add a scene to a digest: all that is drawn of vehicles, tasks and radio."""
    for field in dataclasses.fields(scene):
        value = getattr(scene, field.name)
        if isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value))
