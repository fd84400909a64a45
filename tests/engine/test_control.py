"""Wishes are checked: each is either met or refused in one sentence, whatever arrives."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control import Control, ControlConflict, ControlError
from engine.params import METAS, Params

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**320),
    st.floats(),
    st.text(),
    st.sampled_from(["default", "high", "tolled", "bound", "NaN", "1e999", "0:1", "on"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*METAS, "nothing"])
WISHES = st.fixed_dictionaries(
    {},
    optional={
        "params": JSON | st.dictionaries(NAMES, JSON, max_size=3),
        "preset": JSON,
        "stage": JSON | st.lists(st.sampled_from(["tolled", "local", "x"]), max_size=4),
        "running": JSON,
        "speed": JSON | st.sampled_from([0, 1, 2, 5, 10, 3]),
        "step": JSON,
        "reset": JSON,
        "rsu": JSON | st.fixed_dictionaries({"index": JSON, "up": JSON}),
        "fork": JSON | st.fixed_dictionaries({"id": st.just("a") | JSON}),
        "base": JSON,
    },
)


@given(st.one_of(JSON, WISHES))
def test_any_json_is_merged_or_refused_in_one_sentence(patch: object) -> None:
    refusal = ""
    try:
        merged = Control().merge(patch)
    except ControlError as error:
        refusal = str(error)
    if refusal:
        assert len(refusal) < 400
        assert "\n" not in refusal
        assert refusal.endswith(".")
    else:
        assert merged.version == 1
        assert Control.from_json(merged.as_json()) == merged


@given(JSON | WISHES)
def test_a_stored_record_of_any_shape_is_read_or_refused(record: object) -> None:
    with contextlib.suppress(ControlError):
        assert Control.from_json(record).version >= 0


def test_too_deep_nesting_is_refused() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ControlError):
        Control().merge({"params": {"deadline": [deep, 1]}})


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"params": {"deadline": 5}}, "0.1 to 1 s"),
        ({"params": {"deadline": float("nan")}}, "0.1 to 1 s"),
        ({"params": {"vehicles": 10**400}}, "1 to 2000"),
        ({"params": {"speed_of_light": 1}}, "There is no parameter"),
        ({"preset": "rush"}, "There is no preset 'rush'"),
        ({"stage": ["tolled", "tolled"]}, "once"),
        ({"stage": ["cleverest"]}, "There is no scheme 'cleverest'"),
        ({"speed": 3}, "choose 1, 2, 5 or 10"),
        ({"speed": True}, "choose 1, 2, 5 or 10"),
        ({"running": 1}, "true or false"),
        ({"step": False}, "true or left out"),
        ({"rsu": {"index": 20, "up": False}}, "choose 0 to 19"),
        ({"rsu": {"index": 2}}, "rsu is an object"),
        ({"colour": "red"}, "There is no control 'colour'"),
        ([1, 2], "JSON object"),
    ],
)
def test_a_refusal_says_what_would_be_right(patch: object, words: str) -> None:
    with pytest.raises(ControlError, match=words):
        Control().merge(patch)


def test_a_change_changes_what_it_names_and_nothing_else() -> None:
    control = Control().merge({"params": {"deadline": 0.5}, "speed": 10})
    assert control.params == Params(deadline=(0.5, 0.5))
    assert (control.version, control.speed, control.running) == (1, 10, True)


def test_a_preset_keeps_the_seed_and_parameters_go_on_top() -> None:
    start = Control().merge({"params": {"seed": 7, "task_rate": 0.9}})
    merged = start.merge({"preset": "high", "params": {"deadline": "0.2:0.4"}})
    assert merged.params == Params(seed=7, density=(60.0, 60.0), deadline=(0.2, 0.4))


def test_failing_and_restoring_an_rsu() -> None:
    down = Control().merge({"rsu": {"index": 3, "up": False}})
    assert down.down == {3}
    assert down.merge({"rsu": {"index": 3, "up": True}}).down == frozenset()


def test_a_wish_based_on_an_old_version_conflicts() -> None:
    newer = Control().merge({"speed": 2})
    with pytest.raises(ControlConflict):
        newer.merge({"speed": 5, "base": 0})
    assert newer.merge({"speed": 5, "base": 1}).speed == 5


def test_only_parameters_that_wait_for_a_reset_are_pending() -> None:
    wanted = Control().merge({"params": {"deadline": 0.5, "seed": 3, "rsu_cores": "4"}})
    assert wanted.pending(Params()) == ("rsu_cores", "seed")
