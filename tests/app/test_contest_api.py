"""Contests over HTTP: asked for, watched, cancelled; what is refused changes nothing."""

from __future__ import annotations

import io
import json
import time

import pandas as pd
import pytest

from app.contests import Contests
from app.rate import TokenBuckets
from app.sharing import Sharing
from engine import results
from engine.statistics import BETTER, judge_all
from tests.conftest import WAIT_S

JSON = {"content-type": "application/json"}
SMALL = {
    "seeds": 3,
    "steps": 30,
    "ingredients": "own",
    "schemes": ["myopic", "tolled"],
    "params": {"vehicles": 20},
}
#: One that would take minutes.
LONG = {**SMALL, "seeds": 30, "steps": 600, "params": {"vehicles": 1500}}


@pytest.fixture
def contests(tmp_path):
    contests = Contests(tmp_path / "store0", "synthetic")
    yield contests
    contests.stop()


@pytest.fixture
def site(make_site, contests):
    return make_site(contests=contests)


def get(site):
    reply = site.ask("GET", "/api/contest")
    assert reply.status == 200
    return reply.json


def post(site, request):
    return site.ask("POST", "/api/contest", JSON, json.dumps(request).encode())


def until(site, wanted):
    end = time.monotonic() + WAIT_S
    while not wanted(state := get(site)):
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return state


def test_before_any_contest_there_is_none(site):
    assert get(site) == {
        "state": "none",
        "message": "",
        "done": 0,
        "of": 0,
        "eta_s": None,
        "contest": None,
        "judged": {},
    }


def test_a_contest_is_played_and_judged(site):
    reply = post(site, SMALL)
    assert reply.status == 202
    assert (reply.json["state"], reply.json["of"]) == ("running", 3)
    state = until(site, lambda state: state["state"] != "running")
    assert (state["state"], state["done"], state["eta_s"]) == ("done", 3, None)
    contest = state["contest"]
    assert contest["schemes"] == ["myopic", "tolled"]
    assert contest["parameters"]["vehicles"] == 20
    assert (contest["seeds"], contest["steps"], contest["skip"]) == ([1000, 1001, 1002], 30, 10)
    assert contest["mobility"] == "synthetic"
    assert list(state["judged"]) == list(BETTER)
    assert state["judged"] == judge_all(contest)


def test_what_is_played_so_far_is_shown(site):
    post(site, {**LONG, "params": {"vehicles": 100}, "steps": 60})
    state = until(site, lambda state: state["contest"] and state["contest"]["seeds"])
    assert state["state"] == "running"
    assert state["judged"]["cost"]["n"] == len(state["contest"]["seeds"]) < 30
    state = until(site, lambda state: state["eta_s"] is not None)
    assert state["eta_s"] >= 0


def test_one_contest_at_a_time(site):
    assert post(site, LONG).status == 202
    reply = post(site, SMALL)
    assert (reply.status, reply.json["error"]) == (
        409,
        "A contest is being played: cancel it first.",
    )
    assert get(site)["of"] == 30


@pytest.mark.parametrize("headers", [{"content-length": None}, JSON], ids=["bare", "with a body"])
def test_a_cancelled_contest_keeps_what_is_done_and_makes_way(site, headers):
    post(site, {**LONG, "params": {"vehicles": 20}})
    until(site, lambda state: state["done"] >= 1)
    body = b"{}" if headers == JSON else b""
    reply = site.ask("DELETE", "/api/contest", headers, body)
    assert (reply.status, reply.json["state"]) == (200, "cancelled")
    done = reply.json["done"]
    assert done >= 1
    assert reply.json["message"] == f"The contest was cancelled; {done} of 30 seeds are kept."
    assert len(reply.json["contest"]["seeds"]) == reply.json["judged"]["cost"]["n"] == done
    assert site.ask("DELETE", "/api/contest", headers, body).json == reply.json
    assert post(site, SMALL).status == 202
    state = until(site, lambda state: state["state"] != "running")
    assert (state["state"], state["of"]) == ("done", 3)


def test_cancelling_nothing_is_no_error(site):
    reply = site.ask("DELETE", "/api/contest", {"content-length": None})
    assert (reply.status, reply.json["state"]) == (200, "none")


def test_results_outlive_the_server(make_site, site, contests, tmp_path):
    post(site, SMALL)
    state = until(site, lambda state: state["state"] != "running")
    site.engine.close()
    again = make_site(contests=Contests(tmp_path / "store0", "synthetic"))
    assert get(again) == state


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 2}, {"seeds": 31}, {"seeds": 3.5}, {"seeds": None}, {"steps": 20}, {"steps": "x"},
        {"schemes": []}, {"schemes": ["tolled"]}, {"schemes": ["tolled", "magic"]},
        {"schemes": None}, {"ingredients": "none"}, {"ingredients": 3}, {"params": {"wings": 2}},
        {"params": {"vehicles": None}}, {"params": 3}, {"wings": 1},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_an_impossible_contest_is_refused_in_one_sentence(site, change):
    reply = post(site, {**SMALL, **change})
    assert reply.status == 400
    assert 5 < len(reply.json["error"]) < 700
    assert "\n" not in reply.json["error"]
    assert "Error" not in reply.json["error"]
    assert get(site)["state"] == "none"


def test_what_the_process_cannot_use_is_said(make_site, tmp_path):
    trace = tmp_path / "short.npz"
    trace.write_bytes(b"no trace")
    contests = Contests(tmp_path / "store0", str(trace))
    site = make_site(contests=contests)
    assert post(site, SMALL).status == 202
    state = until(site, lambda state: state["state"] != "running")
    assert (state["state"], state["contest"]) == ("failed", None)
    assert "short.npz" in state["message"]
    assert "\n" not in state["message"]


def test_viewers_look_and_do_not_play(make_site, contests):
    tokens = []
    shared = make_site(contests=contests, sharing=Sharing(tokens.append))
    assert get(shared)["state"] == "none"
    assert shared.ask("GET", "/api/contest/shipped").status == 200
    assert post(shared, SMALL).status == 403
    assert shared.ask("DELETE", "/api/contest", {"content-length": None}).status == 403
    cookie = shared.ask("GET", "/", query=f"token={tokens[0]}").headers["set-cookie"]
    operator = {**JSON, "cookie": cookie.partition(";")[0]}
    body = json.dumps(SMALL).encode()
    assert shared.ask("POST", "/api/contest", operator, body).status == 202


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"transfer-encoding": "chunked", "content-length": None}, b"{}", 415),
        ({**JSON, "content-length": None}, b"{}", 411),
        (JSON, b"{", 400),
        ({**JSON, "content-length": "65537"}, b"{}", 413),
        ({"content-length": None, "origin": "http://evil.example"}, b"", 403),
        ({"content-length": None, "sec-fetch-site": "cross-site"}, b"", 403),
        ({"content-length": None, "host": "evil.example"}, b"", 421),
    ],
)
def test_a_request_to_cancel_is_guarded(site, headers, body, status):
    post(site, LONG)
    assert site.ask("DELETE", "/api/contest", headers, body).status == status
    assert get(site)["state"] == "running"


def test_requests_to_cancel_are_rationed(make_site, contests):
    site = make_site(contests=contests, buckets=TokenBuckets(0.0, 2.0, clock=lambda: 0.0))
    bare = {"content-length": None}
    statuses = [site.ask("DELETE", "/api/contest", bare).status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_what_comes_with_the_package_is_served_with_its_command(site):
    found = site.ask("GET", "/api/contest/shipped").json["results"]
    assert [one["name"] for one in found] == [one["name"] for one in results.shipped()]
    for one in found:
        assert one["command"].startswith("iov-twin contest --schemes ")
        assert one["command"].endswith(f"--out {one['name']}.json")
        assert one["judged"] == judge_all(one["contest"])


def test_a_contest_is_kept_by_its_ingredients_and_taken_away(site):
    for kind in ("own", "equal"):
        post(site, {**SMALL, "ingredients": kind})
        until(site, lambda state: state["state"] == "done")
    kept = site.ask("GET", "/api/contest/kept").json["results"]
    assert [one["name"] for one in kept] == ["own", "equal"]
    assert [one["contest"]["ingredients"] for one in kept] == ["own", "equal"]
    assert all(one["judged"] == judge_all(one["contest"]) for one in kept)
    assert all(one["command"] == one["contest"]["made"]["command"] for one in kept)

    def taken(form, of="equal"):
        return site.ask("GET", "/api/contest/export", query=f"of={of}&format={form}")

    about, *rows = taken("csv").body.decode().splitlines()
    told = json.loads(about.removeprefix("# "))
    assert (told["ingredients"], told["parameters"]["vehicles"]) == ("equal", 20)
    assert rows[0].startswith("seed,scheme,cost,success_rate,delay_s,energy_j")
    assert len(rows) == 1 + 3 * len(SMALL["schemes"])
    table = pd.read_parquet(io.BytesIO(taken("parquet").body))
    assert table["cost"].tolist() == pd.read_csv(io.StringIO("\n".join(rows)))["cost"].tolist()
    (environment,) = taken("marl-eval").json.values()
    (task,) = environment.values()
    assert set(task) == set(SMALL["schemes"])
    assert 'filename="contest-equal.csv"' in taken("csv").headers["content-disposition"]
    assert taken("xls").status == 400
    assert taken("csv", "../own").status == 404
