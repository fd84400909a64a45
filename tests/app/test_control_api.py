"""Steering over HTTP: what is possible happens, all else is refused and changes nothing."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.change import ForkWish
from engine.fork_record import ForkRecord, ForkStatus
from engine.metrics import METRICS
from engine.params import METAS
from engine.presets import PRESETS

JSON = {"content-type": "application/json"}


def post(site, patch):
    return site.ask("POST", "/live/control", JSON, json.dumps(patch).encode())


def test_a_patch_changes_the_control_and_answers_with_its_version(site):
    version = site.store.version()
    reply = post(site, {"params": {"vehicles": 500}, "running": False})
    assert (reply.status, reply.json) == (200, {"version": version + 1})
    control = site.ask("GET", "/live/control").json["control"]
    assert (control["params"]["vehicles"], control["running"]) == (500, False)


def test_a_patch_on_an_old_version_is_a_conflict(site):
    base = site.store.version()
    assert post(site, {"speed": 2, "base": base}).status == 200
    reply = post(site, {"speed": 5, "base": base})
    assert reply.status == 409
    assert reply.json["error"].endswith(".")
    assert reply.json["control"]["speed"] == 2
    assert site.store.control()["speed"] == 2


def test_a_fork_is_wished_for_and_taken_back(site):
    change = {"params": {"deadline": 0.5}, "replace": {"tolled": "myopic"}, "stage": ["myopic"]}
    assert post(site, {"fork": {"id": "f-1", "change": change, "steps": 60}}).status == 200
    change["params"] = {"deadline": [0.5, 0.5]}
    wished = site.ask("GET", "/live/control").json["control"]["fork"]
    assert wished == {"id": "f-1", "change": change, "steps": 60}
    assert post(site, {"fork": {"id": ""}}).status == 200
    assert site.store.wanted().fork == ForkWish()


def test_a_fork_is_told_as_the_store_has_it(site):
    assert site.ask("GET", "/live/fork").json == {}
    record = ForkRecord(site.store.path)
    status = ForkStatus(id="f-1", steps=9, done=2, stage=["tolled"], changed_stage=["local"])
    record.write(status, np.full((2, 2, len(METRICS)), np.nan, np.float32))
    reply = site.ask("GET", "/live/fork")
    assert reply.status == 200
    assert reply.json == site.store.fork()
    assert reply.json["changed"]["local"]["cost"] == [None, None]
    record.close()


@pytest.mark.parametrize(
    "patch",
    [
        [], None, 3, "x", {"vehicles": 3}, {"params": {"vehicles": 1e9}}, {"params": {"wings": 2}},
        {"params": {"vehicles": None}}, {"params": {"deadline": "2:1"}},
        {"params": {"deadline": [1, 2, 3]}},
        {"params": {"vehicles": {"a": 1}}}, {"preset": "none"}, {"preset": 3}, {"stage": ["x"]},
        {"stage": ["tolled", "tolled"]}, {"stage": "tolled"}, {"speed": 3}, {"speed": True},
        {"running": 1}, {"step": False}, {"reset": 1}, {"rsu": 3},
        {"rsu": {"index": 20, "up": True}},
        {"rsu": {"index": 3}}, {"base": "x", "speed": 2}, {"base": -1}, {"params": []},
        {"fork": None}, {"fork": "a"}, {"fork": {}}, {"fork": {"id": 3}}, {"fork": {"id": "a/b"}},
        {"fork": {"id": "a", "steps": 0}}, {"fork": {"id": "a", "steps": 1e3}},
        {"fork": {"id": "a", "change": {"params": {"deadline": 7}}}},
        {"fork": {"id": "a", "change": {"params": {"seed": 1}}}},
        {"fork": {"id": "a", "change": {"replace": {"ddqn": "local"}}}},
        {"fork": {"id": "a", "change": {"replace": {"tolled": "bound"}}}},
        {"fork": {"id": "a", "change": {"reset": True}}}, {"fork": {"id": "a", "now": True}},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_an_impossible_patch_is_refused_in_one_sentence(site, patch):
    before = site.store.control()
    reply = post(site, patch)
    assert reply.status == 400
    assert 5 < len(reply.json["error"]) < 700
    assert "\n" not in reply.json["error"]
    assert "Error" not in reply.json["error"]
    assert site.store.control() == before


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["params", "preset", "stage", "running", "speed", "step", "reset", "rsu", "fork", "base"]
)
PATCHES = st.dictionaries(
    KEYS | st.text(max_size=8),
    JUNK | st.dictionaries(st.sampled_from(sorted(METAS)), JUNK, max_size=3),
    max_size=3,
)
FUZZ = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(body=PATCHES.map(lambda patch: json.dumps(patch).encode()) | st.binary(max_size=200))
def test_whatever_is_posted_is_applied_or_refused_whole(site, body):
    before = site.store.control()
    reply = site.ask("POST", "/live/control", JSON, body)
    after = site.store.control()
    assert reply.status in (200, 400, 409)
    if reply.status == 200:
        assert after["version"] == before["version"] + 1
        for name, value in after["params"].items():
            METAS[name].parse(value)
    else:
        assert after == before
        assert reply.json["error"].endswith((".", ". "))


ENVELOPES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"), JUNK
    ),
)


@FUZZ
@given(body=ENVELOPES.map(lambda e: json.dumps(e).encode()) | st.binary(max_size=200))
def test_no_callback_request_ends_in_a_server_error(site, body):
    before = site.store.control()
    reply = site.ask("POST", "/_dash-update-component", JSON, body)
    assert reply.status in (200, 204, 400)
    assert site.store.control() == before


def test_every_preset_can_be_posted(site):
    for name in PRESETS:
        assert post(site, {"preset": name}).status == 200


def test_health_says_whether_the_engine_lives(make_site):
    site = make_site(overlay=lambda status: {**status, "state": "stopped", "message": "Gone."})
    reply = site.ask("GET", "/health")
    assert reply.status == 200
    assert reply.json["server"] == "up"
    assert (reply.json["engine"]["alive"], reply.json["engine"]["message"]) == (False, "Gone.")


def test_the_city_of_a_run_is_served_as_it_is_stored(site):
    site.begin()
    reply = site.ask("GET", "/live/static/run-1")
    assert reply.body == site.store.static("run-1")
    for path in (
        "static/run-2",
        "metrics/run-2.csv",
        "metrics/run-2.parquet",
        "learning/run-2.csv",
    ):
        assert site.ask("GET", f"/live/{path}").status == 404


def test_metrics_are_exported_as_recorded(site):
    site.begin()
    for stage in (["tolled", "local"], ["tolled"], ["tolled"]):
        site.publish(stage)
    text = site.ask("GET", "/live/metrics/run-1.csv")
    rows = list(csv.DictReader(io.StringIO(text.body.decode())))
    assert list(rows[0]) == ["step", "scheme", *METRICS]
    at = [(row["step"], row["scheme"]) for row in rows]
    assert at == [("0", "tolled"), ("0", "local"), ("1", "tolled"), ("2", "tolled")]
    parquet = site.ask("GET", "/live/metrics/run-1.parquet")
    frame = pd.read_parquet(io.BytesIO(parquet.body))
    pd.testing.assert_frame_equal(frame, site.store.metrics_frame("run-1"))
    assert float(rows[3]["cost"]) == pytest.approx(frame["cost"].iloc[3], rel=1e-6)
    assert "run-1.csv" in text.headers["content-disposition"]


def test_what_was_learnt_is_exported_as_kept(site):
    site.begin()
    assert site.ask("GET", "/live/learning/run-1.json").json == {"run": "run-1", "entries": []}
    plain = {"scheme": "af-marl", "rounds": [], "trouble": ""}
    site.engine.learned(
        [
            {**plain, "step": 3, "losses": {"critic": 1 / 3}},
            {
                **plain,
                "step": 4,
                "losses": {"critic": float("nan"), "cvae": 2.0},
                "trouble": "A, b.",
            },
        ]
    )
    found = site.ask("GET", "/live/learning/run-1.json")
    assert found.json["entries"] == site.store.learning("run-1")
    assert "run-1-learning.json" in found.headers["content-disposition"]
    text = site.ask("GET", "/live/learning/run-1.csv")
    rows = list(csv.DictReader(io.StringIO(text.body.decode())))
    assert list(rows[0]) == ["i", "step", "scheme", "critic", "cvae", "rounds", "trouble"]
    assert [list(row.values()) for row in rows] == [
        ["0", "3", "af-marl", "0.3333333", "", "0", ""],
        ["1", "4", "af-marl", "", "2", "0", "A, b."],
    ]
    assert site.ask("GET", "/live/learning/run-1.txt").status == 404


def test_assets_have_their_types_and_are_revalidated(site):
    reply = site.ask("GET", "/assets/live/stream.mjs")
    assert reply.headers["content-type"].startswith("text/javascript")
    assert reply.headers["cache-control"] == "no-cache"
    again = site.ask("GET", "/assets/live/stream.mjs", {"if-none-match": reply.headers["etag"]})
    assert again.status == 304
    for hidden in ("/assets/__init__.py", "/assets/.hidden", "/assets/vendor/../../pyproject.toml"):
        assert site.ask("GET", hidden).status == 404


def test_a_disconnect_in_the_middle_of_a_request_is_no_error(site):
    async def scenario():
        parts = [{"type": "http.disconnect"}]
        sent = []

        async def receive():
            return parts.pop()

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/live/control", "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1:8050"), (b"content-type", b"application/json"),
                (b"content-length", b"2"),
            ],
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await site.app(scope, receive, send)
        return sent[0]["status"]

    assert asyncio.run(scenario()) == 400
