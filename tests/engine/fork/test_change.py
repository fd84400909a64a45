"""What a future may have otherwise: whatever is wished is taken whole or refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.change import Change, ForkWish
from engine.checks import ControlError
from engine.control import Control
from engine.params import METAS, Params

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(["af-marl", "tolled", "local", "bound", "x"])
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "params": JUNK | st.dictionaries(st.sampled_from([*METAS, "x"]), JUNK, max_size=2),
        "stage": JUNK | st.lists(NAMES, max_size=3),
        "replace": JUNK | st.dictionaries(NAMES, NAMES, max_size=2),
    },
)
WISHES = st.fixed_dictionaries(
    {}, optional={"id": SCALARS, "change": JUNK | CHANGES, "steps": SCALARS, "when": SCALARS}
)


@given(JUNK | WISHES)
def test_any_wish_is_kept_or_refused_in_one_sentence(raw: object) -> None:
    refusal = ""
    try:
        wish = ForkWish.parse(raw)
    except ControlError as error:
        refusal = str(error)
    if refusal:
        assert len(refusal) < 700
        assert "\n" not in refusal
        assert refusal.endswith(".")
    else:
        assert ForkWish.parse(wish.as_json()) == wish


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([], "JSON object"),
        ({}, "The id of a fork is text"),
        ({"id": "a b"}, "The id of a fork is text"),
        ({"id": "x" * 41}, "up to 40 letters"),
        ({"id": "a", "steps": 0}, "choose 1 to 600"),
        ({"id": "a", "steps": 601}, "choose 1 to 600"),
        ({"id": "a", "steps": True}, "choose 1 to 600"),
        ({"id": "a", "steps": 2.5}, "choose 1 to 600"),
        ({"id": "a", "when": 3}, "There is no 'when' in a fork"),
        ({"id": "a", "change": []}, "JSON object"),
        ({"id": "a", "change": {"speed": 2}}, "choose among params, stage, replace"),
        ({"id": "a", "change": {"params": {"deadline": 5}}}, "0.1 to 1 s"),
        ({"id": "a", "change": {"params": {"wings": 2}}}, "There is no parameter"),
        ({"id": "a", "change": {"params": {"rsu_cores": "2"}}}, "takes effect at a reset"),
        ({"id": "a", "change": {"params": {"train": True}}}, "do not train"),
        ({"id": "a", "change": {"stage": ["x"]}}, "There is no scheme 'x'"),
        ({"id": "a", "change": {"stage": ["local", "local"]}}, "once"),
        ({"id": "a", "change": {"replace": "local"}}, "JSON object"),
        ({"id": "a", "change": {"replace": {}}}, "replace is an object like"),
        ({"id": "a", "change": {"replace": {"local": "x"}}}, "There is no scheme 'x'"),
        ({"id": "a", "change": {"replace": {"local": 3}}}, "There is no scheme 3"),
        ({"id": "a", "change": {"replace": {"local": "local"}}}, "cannot replace itself"),
        ({"id": "a", "change": {"replace": {"bound": "local"}}}, "is no scheme"),
        ({"id": "a", "change": {"replace": {"local": "bound"}}}, "is no scheme"),
    ],
)
def test_a_refusal_says_what_would_be_right(raw: object, words: str) -> None:
    with pytest.raises(ControlError, match=words):
        Control().merge({"fork": raw})


def test_a_wish_is_part_of_the_control_and_outlives_it_on_paper() -> None:
    change = {"params": {"deadline": 0.5}, "replace": {"af-marl": "myopic"}}
    control = Control().merge({"fork": {"id": "a-1", "change": change, "steps": 30}})
    assert control.fork == ForkWish(
        id="a-1",
        change=Change(params={"deadline": [0.5, 0.5]}, replace=("af-marl", "myopic")),
        steps=30,
    )
    assert Control.from_json(control.as_json()) == control
    assert control.merge({"speed": 2}).fork == control.fork
    assert control.merge({"fork": {"id": ""}}).fork == ForkWish()
    older = {name: value for name, value in control.as_json().items() if name != "fork"}
    assert Control.from_json(older).fork == ForkWish()


def test_only_who_is_on_stage_can_be_replaced() -> None:
    wish = {"fork": {"id": "a", "change": {"replace": {"ddqn": "myopic"}}}}
    with pytest.raises(ControlError, match="ddqn is not on stage"):
        Control().merge(wish)
    control = Control().merge({**wish, "stage": ["ddqn"]})
    left = control.merge({"stage": ["local"]})
    assert Control.from_json(left.as_json()).fork == control.fork


def test_a_change_goes_on_top_of_what_is_in_force() -> None:
    change = Change.parse({"params": {"vehicles": 300, "deadline": [0.2, 0.4]}})
    after = change.params_on(Params.parse({"density": "20:60", "seed": 7}))
    assert after == Params(vehicles=300, seed=7, deadline=(0.2, 0.4))
    assert Change().params_on(after) == after
