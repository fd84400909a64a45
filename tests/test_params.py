"""The schema: every value in is valid or refused in one sentence; text and JSON round-trip."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.params import MAX_VEHICLES, METAS, ParameterError, Params, markdown_table
from engine.presets import PRESETS

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def valid_value(draw, meta):
    if meta.kind == "switch":
        return draw(st.booleans())
    if meta.kind == "choice":
        return draw(st.sampled_from(meta.choices))
    if meta.kind == "int":
        return draw(st.integers(int(meta.low), int(meta.high)))
    number = st.floats(meta.low, meta.high)
    if meta.kind == "float":
        return draw(number)
    return tuple(sorted((draw(number), draw(number))))


@given(st.sampled_from(sorted(METAS)), anything)
def test_any_value_is_taken_or_refused_in_one_sentence(name, raw):
    try:
        value = METAS[name].parse(raw)
    except ParameterError as refusal:
        text = str(refusal)
        assert text.startswith(name)
        assert text.endswith(".")
        assert "\n" not in text
        assert len(text) < 300
    else:
        assert METAS[name].parse(value) == value


@given(st.data())
def test_valid_values_survive_json(data):
    name = data.draw(st.sampled_from(sorted(METAS)))
    value = data.draw(valid_value(METAS[name]))
    params = Params.parse({name: value})
    assert Params.parse(json.loads(json.dumps(params.as_json()))) == params


@pytest.mark.parametrize("name", sorted(METAS))
def test_default_survives_its_own_text(name):
    meta = METAS[name]
    assert meta.parse(meta.text(meta.default)) == meta.default


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ({"deadline": "5"}, "0.1 to 1 s"),
        ({"deadline": "0.9:0.2"}, "LOW:HIGH"),
        ({"vehicles": math.nan}, f"1 to {MAX_VEHICLES}"),
        ({"vehicles": 1.5}, "1 to"),
        ({"mesh": "maybe"}, "off, stale, live"),
        ({"speling": 1}, "There is no parameter 'speling'"),
    ],
)
def test_refusal_says_what_is_allowed(raw, part):
    with pytest.raises(ParameterError, match=part.replace("(", r"\(")):
        Params.parse(raw)


def test_constructor_checks_too():
    with pytest.raises(ParameterError):
        Params(vehicles=0)


def test_density_sets_the_vehicles_and_swings_over_ten_minutes():
    params = Params.parse({"density": "20:60"})
    assert params.target_vehicles(0) == 500
    assert params.target_vehicles(300) == 1500
    assert params.target_vehicles(600) == 500


def test_asking_for_vehicles_ends_a_density():
    dense = Params.parse({"density": 60})
    assert Params.parse({"vehicles": 300}, dense).target_vehicles(0) == 300


def test_every_preset_is_valid():
    assert {"default", "low", "mixed", "high", "dense-learning", "paper-literal", "easy"} <= set(
        PRESETS
    )
    for preset in PRESETS.values():
        assert preset.params(seed=7).seed == 7


def test_table_has_a_row_for_each_parameter():
    table = markdown_table()
    assert all(f"`{meta.option}`" in table for meta in METAS.values())
