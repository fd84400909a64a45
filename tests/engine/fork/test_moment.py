"""A fork that changes nothing is the run itself, bit for bit, and the run does not feel it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from engine import schemes
from engine.change import Change
from engine.fork import ForkError, Futures, Moment
from engine.mobility import open_mobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.session import Session, Stepped
from engine.types import MobilityFork, MobilityLost, Snapshot

DATA = Path(__file__).parents[2] / "data"
EVERYBODY = (*schemes.names(), "bound")
#: Of each kind one: learned by critics, learned by values, drawing, planning with the truth.
SOME = ("af-marl", "ddqn", "random", "tolled", "best", "bound")
SWIFT = ("ddqn", "random", "tolled", "bound")


def opened(source: str, stage: Sequence[str] = SOME, **raw: object) -> Session:
    params = Params.parse({"start": "scratch", "best_budget": 0.01, "seed": 3, **raw})
    return Session(params, stage, open_mobility(source, params))


def skip(session: Session, steps: int) -> Session:
    for _ in range(steps):
        session.step()
    return session


def told(stepped: Stepped) -> tuple[int, float, bytes]:
    scene = stepped.scene
    return scene.step, scene.t_s, scene.vehicle.tobytes() + stepped.rows.tobytes()


def futures(moment: Moment, steps: int, change: Change | None = None) -> Iterator[tuple]:
    # As another process has it: everything by value.
    moment = pickle.loads(pickle.dumps(moment))
    with closing(Futures(moment, change or Change(), lambda *_: None)) as both:
        for _ in range(steps):
            base, changed = both.step()
            yield told(base), told(changed)


CASES = {
    "everybody": ("synthetic", EVERYBODY, {"vehicles": 60}, 14, 14),
    "a recorded trace": (str(DATA / "sumo_200.npz"), SOME, {"vehicles": 150}, 14, 14),
    "500 vehicles": ("synthetic", SOME, {"vehicles": 500}, 12, 8),
    "a density that swings": ("synthetic", SWIFT, {"density": "4:10"}, 290, 20),
    "helpers and empty batteries": (
        "synthetic",
        SOME,
        {"vehicles": 60, "v2v": True, "rsu_mains": False, "rsu_battery": 1.0, "battery": 0.1},
        14,
        14,
    ),
    "old twins": ("synthetic", SOME, {"vehicles": 60, "sync_interval": "5"}, 13, 14),
    "young twins": ("synthetic", SOME, {"vehicles": 60, "sync_interval": "0.1"}, 5, 14),
    "what the paper prints": (
        "synthetic",
        SOME,
        {"vehicles": 60, "equations": "paper-literal"},
        9,
        9,
    ),
    "sumo": ("sumo", SOME, {"vehicles": 200}, 30, 20),
    "sumo with 500 vehicles": ("sumo", SOME, {"vehicles": 500}, 20, 10),
    "sumo with a density that swings": ("sumo", SWIFT, {"density": "2:8"}, 290, 20),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(name, marks=pytest.mark.sumo if "sumo" in name else ()) for name in CASES],
)
def test_both_futures_are_what_the_run_goes_on_to_be(case: str) -> None:
    source, stage, raw, at, steps = CASES[case]
    with closing(opened(source, stage, **raw)) as session:
        moment = Moment.of(skip(session, at))
        went_on = [told(session.step()) for _ in range(steps)]
    assert [place[0] for place in went_on] == list(range(at, at + steps))
    for then, (base, changed) in zip(went_on, futures(moment, steps), strict=True):
        assert base == then
        assert changed == then


def test_a_run_that_is_forked_goes_on_as_one_that_is_not() -> None:
    plain = opened("synthetic", EVERYBODY, vehicles=60)
    forked = opened("synthetic", EVERYBODY, vehicles=60)
    for step in range(24):
        if step in (0, 9, 18):  # the history of a vehicle is made whenever somebody asks for it
            Moment.of(forked)
        assert told(plain.step()) == told(forked.step())


def test_two_forks_of_one_second_are_equal() -> None:
    session = skip(opened("synthetic", vehicles=60), 9)
    one, other = Moment.of(session), Moment.of(session)
    change = Change(params={"deadline": 0.4}, replace=("tolled", "myopic"))
    assert list(futures(one, 9, change)) == list(futures(other, 9, change))


def test_a_run_can_be_forked_before_its_first_second() -> None:
    session = opened("synthetic", vehicles=60)
    (base, changed), *_ = futures(Moment.of(session), 1)
    assert base == changed == told(session.step())


def test_what_is_in_force_stays_in_force() -> None:
    session = skip(opened("synthetic", ("tolled", "local"), vehicles=60), 6)
    session.apply(Params.parse({"deadline": 0.3}, session.params), ("tolled",), frozenset({2, 7}))
    moment = Moment.of(session)
    then = session.step()
    with closing(Futures(moment, Change(), lambda *_: None)) as both:
        base, _ = both.step()
    assert told(base) == told(then)
    assert not base.scene.rsus.up[[2, 7]].any()
    assert list(base.arms) == ["tolled"]


def test_a_future_can_be_forked_again() -> None:
    session = skip(opened("synthetic", vehicles=60), 8)
    with closing(Futures(Moment.of(session), Change(), lambda *_: None)) as both:
        both.step()
        session.step()
        again = [Moment.of(future) for future in (both.base, both.changed)]
    then = told(session.step())
    assert [next(futures(moment, 1)) for moment in again] == [(then, then)] * 2


class Mortal(SyntheticMobility):
    """Ends after a few steps."""

    life = 4

    def step(self, target_vehicles: int) -> Snapshot:
        self.life -= 1
        if self.life < 0:
            raise MobilityLost("It ended.")
        return super().step(target_vehicles)


def test_time_and_vehicles_go_on_over_lost_traffic() -> None:
    params = Params(vehicles=40)
    session = skip(Session(params, ("tolled",), Mortal(0)), 4)
    with pytest.raises(MobilityLost):
        session.step()
    session.resume(SyntheticMobility(1))
    session.step()
    moment = Moment.of(session)
    went_on = [told(session.step()) for _ in range(4)]
    assert [base for base, _ in futures(moment, 4)] == went_on
    assert went_on[0][1] == 6.0


class Stubborn:
    """Holds what no copy can have."""

    sees_truth = False

    def __init__(self) -> None:
        self.way = lambda: 1


def test_what_cannot_be_copied_is_refused_in_one_sentence() -> None:
    session = skip(opened("synthetic", ("tolled",), vehicles=20), 2)
    session.comparison.arms["tolled"].scheme = Stubborn()
    with pytest.raises(ForkError, match=r"A scheme on stage cannot be copied \(.*\)\.") as refused:
        Moment.of(session)
    assert "\n" not in str(refused.value)
    session.close()


class Unreachable:
    """Where nobody gets again."""

    def open(self, progress: object) -> SyntheticMobility:
        raise MobilityLost("There is no way there.")


def test_traffic_that_cannot_be_had_again_is_said() -> None:
    session = skip(opened("synthetic", ("tolled",), vehicles=20), 2)
    moment = Moment.of(session)
    unreachable: MobilityFork = Unreachable()
    lost = Moment(moment.step, moment.params, moment.stage, moment.content, unreachable)
    with pytest.raises(MobilityLost, match="no way there"):
        Futures(lost, Change(), lambda *_: None)
