"""The address of the page: what is on screen goes in and comes out the same."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure import MEASURES
from app.url_state import COLOURINGS, LAYERS, SUBJECTS, View, decode, encode
from engine.change import STEPS
from engine.control import SPEEDS
from engine.params import METAS, Meta, Params
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE, SCHEMES


def on_the_slider(meta: Meta) -> st.SearchStrategy[float]:
    steps = math.floor((meta.high - meta.low) / meta.step + 1e-9)
    return st.integers(0, steps).map(lambda k: float(f"{meta.low + k * meta.step:g}"))


def values(meta: Meta) -> st.SearchStrategy[Any]:
    if meta.kind == "choice":
        return st.sampled_from(meta.choices)
    if meta.kind == "switch":
        return st.booleans()
    if meta.kind == "int":
        return st.integers(int(meta.low), int(meta.high))
    if meta.kind == "float":
        return on_the_slider(meta)
    return st.tuples(on_the_slider(meta), on_the_slider(meta)).map(lambda r: (min(r), max(r)))


def forks() -> st.SearchStrategy[str]:
    live = [meta for meta in METAS.values() if meta.live and meta.name != "train"]
    param = st.sampled_from(live).flatmap(
        lambda meta: values(meta).map(lambda value: f"{meta.name}:{meta.text(value)}")
    )
    swap = st.sampled_from(("swap:tolled:local", "swap:af-marl:ddqn"))
    return st.sampled_from(("", "same")) | swap | param


@st.composite
def views(draw: st.DrawFn) -> View:
    preset = draw(st.sampled_from(("", *PRESETS)))
    params: dict[str, Any] = {}
    if preset:
        start = PRESETS[preset].params()
        for name in draw(st.sets(st.sampled_from(sorted(METAS)))):
            value = draw(values(METAS[name]))
            if value != getattr(start, name):
                params[name] = value
    stage = st.lists(st.sampled_from(sorted(SCHEMES)), unique=True, min_size=1).map(tuple)
    number = st.integers(-2000, 7000).map(float)
    zoom = st.integers(100, 200_000).map(lambda k: k / 10_000)
    return View(
        preset=preset,
        params=params,
        stage=draw(st.none() | stage) if preset else None,
        speed=draw(st.sampled_from(SPEEDS)) if preset else 1,
        select=draw(st.sampled_from(("", "v0", "v123456", "r0", "r19"))),
        camera=draw(st.none() | st.tuples(number, number, zoom)),
        colour=draw(st.sampled_from(COLOURINGS)),
        arm=draw(st.sampled_from(("", *SCHEMES))),
        layers=tuple(n for n in LAYERS if n in draw(st.sets(st.sampled_from(LAYERS)))),
        charts=draw(st.sampled_from(("", *SUBJECTS))),
        theme=draw(st.sampled_from(("", "light", "dark"))),
        presenter=draw(st.booleans()),
        arms=draw(st.lists(st.sampled_from(sorted(SCHEMES)), unique=True, max_size=5).map(tuple)),
        reference=draw(st.sampled_from(("", *SCHEMES))),
        measure=draw(st.sampled_from([measure.name for measure in MEASURES])),
        fork=draw(forks()),
        horizon=draw(st.integers(*STEPS)),
    )


@given(views())
def test_a_view_survives_the_address(view: View) -> None:
    assert decode(encode(view)) == (view, ())


@given(st.text(max_size=300))
def test_no_address_breaks_the_page(query: str) -> None:
    view, problems = decode(query)
    assert isinstance(view, View)
    assert all(problem.endswith(".") for problem in problems)


@given(st.dictionaries(st.sampled_from([*METAS, "stage", "speed", "view", "select"]), st.text()))
def test_what_comes_out_is_always_valid(pairs: dict[str, str]) -> None:
    view, _ = decode(urlencode(pairs))
    for name, value in view.params.items():
        assert METAS[name].parse(value) == value
    assert decode(encode(view))[0] == view


def test_the_usual_view_needs_no_words() -> None:
    assert encode(View()) == ""
    assert decode("") == (View(), ())


def test_a_link_reads_like_the_command_line() -> None:
    view = View(preset="high", params={"deadline": (0.2, 0.6), "v2v": True}, speed=0)
    assert encode(view) == "preset=high&deadline=0.2:0.6&v2v=on&speed=max"


def test_a_value_of_the_preset_is_not_repeated() -> None:
    assert decode("preset=easy&rsu_cores=4")[0].params == {}


def test_a_parameter_alone_starts_from_the_default() -> None:
    view, problems = decode("?vehicles=500")
    assert (view.preset, view.params, problems) == ("default", {"vehicles": 500}, ())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("vehicles=1e9", "choose 1 to 2000"),
        ("deadline=nan", "choose 0.1 to 1 s"),
        ("preset=rush", "means nothing"),
        ("stage=tolled,tolled", "means nothing"),
        ("speed=3", "means nothing"),
        ("view=0,0", "means nothing"),
        ("view=nan,0,1", "means nothing"),
        ("select=x1", "means nothing"),
        ("theme=pink", "means nothing"),
        ("colour=", "means nothing"),
        ("unheard=1", "unknown part"),
        ("arms=af-marl,magic", "means nothing"),
        ("arms=" + ",".join(list(SCHEMES)[:6]), "means nothing"),
        ("measure=toll", "means nothing"),
        ("fork=swap:tolled", "means nothing"),
        ("fork=swap:tolled:bound", "means nothing"),
        ("fork=swap:tolled:tolled", "means nothing"),
        ("fork=seed:3", "means nothing"),
        ("fork=train:on", "means nothing"),
        ("fork=deadline:9", "means nothing"),
        ("horizon=0", "means nothing"),
        ("horizon=1e2", "means nothing"),
    ],
)
def test_what_means_nothing_is_said_and_ignored(query: str, said: str) -> None:
    view, (problem,) = decode(query)
    assert said in problem
    assert view in (View(), View(preset="default"))


def test_no_parameter_is_called_as_another_part_of_the_address() -> None:
    others = {"preset", "stage", "speed", "select", "view", "colour", "arm", "layers", "theme"}
    others |= {"present", "arms", "reference", "measure", "fork", "horizon", "same", "swap"}
    assert not others & set(METAS)


def test_the_default_stage_and_parameters_are_those_of_the_engine() -> None:
    view, _ = decode("preset=default")
    assert view.stage is None
    assert Params.parse(view.params) == Params()
    assert set(DEFAULT_STAGE) <= set(SCHEMES)
