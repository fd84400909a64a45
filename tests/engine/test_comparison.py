"""Fairness: the same scenes for all, and no arm that another could feel."""

import dataclasses

import numpy as np
import pytest

from engine.comparison import Comparison
from engine.environment import ArmStep
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.schemes import names
from engine.world import World

STAGE = ("random", "non-drl", "myopic", "tolled", "constant", "bound")


def play(stage: tuple[str, ...], count: int = 12, seed: int = 0, **raw: object):
    params = Params.parse({"vehicles": 80, "seed": seed, **raw})
    world, comparison = World(SyntheticMobility(seed), params), Comparison(stage, params, seed)
    return [comparison.step(world.step(params), params) for _ in range(count)]


def identical(one: ArmStep, other: ArmStep) -> bool:
    fields = [f.name for f in dataclasses.fields(one.outcome)]
    outcomes = all(
        getattr(one.outcome, name).tobytes() == getattr(other.outcome, name).tobytes()
        for name in fields
    )
    return (
        outcomes
        and one.row.tobytes() == other.row.tobytes()
        and one.backlog_s.tobytes() == other.backlog_s.tobytes()
        and one.battery_fraction.tobytes() == other.battery_fraction.tobytes()
    )


@pytest.mark.parametrize("gone", STAGE)
def test_removing_a_scheme_changes_no_other(gone: str) -> None:
    left = tuple(name for name in STAGE if name != gone)
    for all_of_them, fewer in zip(play(STAGE), play(left), strict=True):
        assert tuple(fewer) == left
        for name in left:
            assert identical(all_of_them[name], fewer[name])


def test_the_order_on_stage_does_not_matter() -> None:
    for one, other in zip(play(STAGE, v2v=True), play(STAGE[::-1], v2v=True), strict=True):
        assert all(identical(one[name], other[name]) for name in STAGE)


def test_same_seed_same_bits_and_another_differs() -> None:
    one, other, third = play(STAGE), play(STAGE), play(STAGE, seed=1)
    for a, b in zip(one, other, strict=True):
        assert all(identical(a[name], b[name]) for name in STAGE)
    assert not identical(one[0]["random"], third[0]["random"])


def test_stage_changes_live() -> None:
    params = Params(vehicles=80)
    world, comparison = World(SyntheticMobility(0), params), Comparison(("myopic",), params, 0)
    alone = Comparison(("myopic",), params, 0)
    for t in range(10):
        if t == 4:
            comparison.set_stage(("random", "myopic", "bound"))
        if t == 7:
            comparison.set_stage(("myopic",))
        scene = world.step(params)
        steps, plain = comparison.step(scene, params), alone.step(scene, params)
        assert tuple(steps) == comparison.stage
        assert identical(steps["myopic"], plain["myopic"])
        if t == 4:
            assert (steps["random"].observation.fresh).all()
            assert (steps["random"].battery_fraction > 0.99).all()


def test_an_unknown_scheme_is_refused_and_changes_nothing() -> None:
    comparison = Comparison(("local",), Params(), 0)
    with pytest.raises(ValueError, match="no scheme 'nonsense'"):
        comparison.set_stage(("local", "nonsense"))
    assert comparison.stage == ("local",)


def test_an_empty_stage_steps() -> None:
    assert play((), 2) == [{}, {}]


def test_an_empty_city_steps_every_scheme() -> None:
    params = Params(vehicles=1, task_rate=0.05, start="scratch")
    stage = (*names(), "bound")
    world, comparison = World(SyntheticMobility(0), params), Comparison(stage, params, 0)
    scene = world.step(params)
    columns = {
        f.name: getattr(scene, f.name)[:0]
        for f in dataclasses.fields(scene)
        if isinstance(getattr(scene, f.name), np.ndarray)
    }
    steps = comparison.step(dataclasses.replace(scene, **columns), params)
    for step in steps.values():
        assert step.row[6] == 0
        assert np.isnan(step.row[0])
