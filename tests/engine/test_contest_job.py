"""What a page may ask of a contest, and what the store keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.contest_job import SKIP, ContestRecord, Request
from engine.control import ControlError
from engine.params import Params

GOOD = {"seeds": 10, "steps": 120, "schemes": ["af-marl", "tolled"]}
STATUS = {"job": "a", "state": "running", "message": "", "done": 0, "of": 3, "eta_s": None}


def test_a_request_is_read_and_read_back():
    asked = Request.parse(
        {**GOOD, "ingredients": "equal", "params": {"vehicles": 500, "v2v": True}}
    )
    assert asked.params == Params(vehicles=500, v2v=True, ingredients="equal")
    assert (asked.schemes, asked.seeds, asked.steps) == (("af-marl", "tolled"), 10, 120)
    assert asked.skip == SKIP
    assert Request.parse(json.loads(json.dumps(asked.as_json()))) == asked


def test_all_parameters_of_the_page_may_be_sent():
    sent = Params(vehicles=300, rsu_cores="2", deadline=(0.3, 0.6))
    assert Request.parse({**GOOD, "params": sent.as_json()}).params == sent


@pytest.mark.parametrize(("steps", "skip"), [(30, 10), (59, 19), (60, 20), (600, 20)])
def test_most_of_a_short_seed_counts(steps, skip):
    assert Request.parse({**GOOD, "steps": steps}).skip == skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seeds": 2}, "seeds is a whole number from 3 to 30"),
        ({"seeds": 31}, "3 to 30"),
        ({"seeds": 5.0}, "3 to 30"),
        ({"seeds": True}, "3 to 30"),
        ({"seeds": "5"}, "3 to 30"),
        ({"seeds": None}, "3 to 30"),
        ({"steps": 29}, "30 to 600"),
        ({"steps": 601}, "30 to 600"),
        ({"schemes": ["tolled"]}, "2 to 8"),
        ({"schemes": ["local"] * 9}, "2 to 8"),
        ({"schemes": ["local", "local"]}, "once"),
        ({"schemes": ["local", "magic"]}, "'magic'"),
        ({"schemes": ["local", 3]}, "no scheme"),
        ({"schemes": "local,tolled"}, "2 to 8"),
        ({"schemes": {"a": 1, "b": 2}}, "2 to 8"),
        ({"ingredients": "secret"}, "own, equal"),
        ({"ingredients": ["own"]}, "own, equal"),
        ({"params": {"wings": 2}}, "wings"),
        ({"params": {"vehicles": 10**400}}, "vehicles"),
        ({"params": []}, "params"),
        ({"wings": 2}, "'wings'"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_sentence(change, word):
    with pytest.raises(ControlError, match=word) as refused:
        Request.parse({**GOOD, **change})
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("junk", [None, [], 3, "x", {}])
def test_what_is_no_request_is_refused(junk):
    with pytest.raises(ControlError):
        Request.parse(junk)


def test_results_belong_to_their_job(tmp_path: Path):
    record = ContestRecord(tmp_path)
    assert record.status() == {}
    assert record.results("a") is None
    record.write(STATUS, {"seeds": [1], "ingredients": "own"})
    again = ContestRecord(tmp_path)
    assert again.status() == STATUS
    assert again.results("a") == {"seeds": [1], "ingredients": "own"}
    record.write({**STATUS, "job": "b"})
    assert again.results("b") is None
    assert again.status()["job"] == "b"
    record.close()
    again.close()


def test_the_newest_contest_of_each_kind_is_kept(tmp_path: Path):
    record = ContestRecord(tmp_path)
    own, equal = ({"seeds": [1], "ingredients": kind} for kind in ("own", "equal"))
    record.write(STATUS, own)
    record.write({**STATUS, "job": "b"}, equal)
    assert record.kept() == {"own": own, "equal": equal}
    record.write({**STATUS, "job": "c"}, {"seeds": [], "ingredients": "own"})
    assert record.kept()["own"] == own, "one without a seed takes no other's place"
