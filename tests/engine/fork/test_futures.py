"""What sets two futures apart is the change, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest

from engine.change import Change
from engine.checks import ControlError
from engine.fork import Futures, Moment
from engine.metrics import RHO
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.session import Session, Stepped

STAGE = ("af-marl", "myopic", "tolled", "bound")
Both = tuple[Stepped, Stepped]


def moment(stage: Sequence[str] = STAGE, steps: int = 8, **raw: object) -> Moment:
    params = Params.parse({"vehicles": 80, **raw})
    session = Session(params, stage, SyntheticMobility(0))
    for _ in range(steps):
        session.step()
    return Moment.of(session)


def play(start: Moment, steps: int = 6, **change: object) -> tuple[list[Both], tuple[str, str]]:
    with closing(Futures(start, Change.parse(change), lambda *_: None)) as both:
        return [both.step() for _ in range(steps)], both.digests


def row(stepped: Stepped, name: str) -> np.ndarray:
    return stepped.arms[name].row


def test_a_scheme_takes_over_queues_batteries_and_twins() -> None:
    start = moment(("tolled", "local", "offload"))
    (first, *rest), digests = play(start, replace={"offload": "local"})
    base, changed = first
    assert list(changed.arms) == ["tolled", "local"]
    inherited, before = changed.arms["local"], base.arms["offload"]
    assert inherited.free_s.tobytes() == before.free_s.tobytes()
    assert inherited.free_s.max() > 0.1  # `local` itself would have found idle RSUs
    assert inherited.observation.battery_j.tobytes() == before.observation.battery_j.tobytes()
    twins, twins_before = inherited.observation.rsus, before.observation.rsus
    assert twins.backlog_s.tobytes() == twins_before.backlog_s.tobytes()
    assert inherited.observation.history.tobytes() == before.observation.history.tobytes()
    assert np.nanmax([row(changed, "local")[RHO] for _, changed in (first, *rest)]) == 0.0
    assert digests[0] == digests[1]
    for base, changed in (first, *rest):
        assert row(base, "tolled").tobytes() == row(changed, "tolled").tobytes()


def test_a_learned_scheme_can_take_over_and_be_taken_over() -> None:
    start = moment(("af-marl", "local"))
    for change in ({"af-marl": "myopic"}, {"local": "tolled"}):
        for base, changed in play(start, replace=change)[0]:
            (name,) = set(changed.arms) & set(base.arms)
            assert row(base, name).tobytes() == row(changed, name).tobytes()
    steps, _ = play(moment(("local",)), replace={"local": "af-marl"})
    assert max(row(changed, "af-marl")[RHO] for _, changed in steps) > 0.05


def test_a_parameter_acts_from_the_first_second_on() -> None:
    for base, changed in play(moment(), params={"deadline": 0.5})[0]:
        assert changed.scene.deadline_s[changed.scene.has_task].max() == 0.5
        assert base.scene.deadline_s[base.scene.has_task].max() > 0.5
        assert base.scene.position_m.tobytes() == changed.scene.position_m.tobytes()
        assert base.scene.fading.tobytes() == changed.scene.fading.tobytes()


def test_what_touches_no_scene_leaves_the_scenes_alone() -> None:
    _, same = play(moment(), params={"rsu_capacity": 2.0})
    assert same[0] == same[1]
    _, other = play(moment(), params={"deadline": 0.5})
    assert other[0] != other[1]
    assert other[0] == same[0]


def test_more_vehicles_join_those_that_are_there() -> None:
    for base, changed in play(moment(density="2:6"), params={"vehicles": 200})[0]:
        before, after = base.scene.vehicle, changed.scene.vehicle
        assert len(after) == 200 > len(before)
        assert set(before) <= set(after)


def test_the_stage_can_be_another() -> None:
    (base, changed), *_ = play(moment(), stage=["tolled", "random"])[0]
    assert list(base.arms) == list(STAGE)
    assert list(changed.arms) == ["tolled", "random"]
    assert row(base, "tolled").tobytes() == row(changed, "tolled").tobytes()
    assert changed.arms["random"].observation.fresh.all()


def test_nobody_learns_in_either_future() -> None:
    params = Params.parse({"vehicles": 40, "train": True})
    with closing(Session(params, ("af-marl",), SyntheticMobility(0))) as session:
        for _ in range(6):
            session.step()
        start = Moment.of(session)
    with closing(Futures(start, Change(), lambda *_: None)) as both:
        learnt = [future.comparison.learnt() for future in (both.base, both.changed)]
        assert all(learnt)
        both.step()
        for future in (both.base, both.changed):
            (lesson,) = future.comparison.learning().values()
            assert lesson["state"] == "off"
            assert future.comparison.learnt() == []
            assert not future.comparison.arms["af-marl"].scheme.explores


def test_they_act_by_the_weights_in_force_and_not_by_those_shipped() -> None:
    def session() -> Session:
        return Session(Params(vehicles=40), ("af-marl",), SyntheticMobility(0))

    trained, plain = session(), session()
    for one in (trained, plain):
        one.step()
    player = trained.comparison.arms["af-marl"].scheme
    weights = {
        f"actor_target.{name}": np.zeros(value.shape, np.float32)
        for name, value in player.acting.actors["actor_target"].named_parameters()
    }
    player.take(weights)
    ((base, _),), _ = play(Moment.of(trained), 1)
    assert row(base, "af-marl").tobytes() == trained.step().rows[0].tobytes()
    assert row(base, "af-marl").tobytes() != plain.step().rows[0].tobytes()


def test_a_scheme_that_is_not_there_cannot_be_replaced() -> None:
    with pytest.raises(ControlError, match="tolled is not on stage"):
        play(moment(("local",)), replace={"tolled": "myopic"})


def test_a_scheme_that_cannot_be_built_is_said_before_anything_drives(tmp_path) -> None:
    params = Params(vehicles=20)
    policies = {"af-marl": tmp_path / "gone.policy"}
    session = Session(params, ("local",), SyntheticMobility(0), policies=policies)
    session.step()
    driven: list[int] = []
    with pytest.raises(ValueError, match=r"gone.policy"):
        Futures(
            Moment.of(session),
            Change(replace=("local", "af-marl")),
            lambda done, of: driven.append(done),
        )
    assert driven == []


def test_the_way_is_told_once_where_both_futures_drive_it_together() -> None:
    told: list[tuple[int, int]] = []
    for change in (Change(), Change(params={"vehicles": 90})):
        Futures(moment(("local",)), change, lambda done, of: told.append((done, of))).close()
    assert told == [(1, 1), (1, 2), (2, 2)]
