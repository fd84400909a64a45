"""Contests: the same numbers as a run, seed by seed, whatever is lost or interrupted on the way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import runner
from engine.contest import Contest, Plan
from engine.metrics import task_means
from engine.mobility import FILL_S, fill, open_mobility
from engine.mobility.recorded import record
from engine.mobility.sumo import SumoMobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import ParameterError, Params
from engine.schemes.af_marl import SHIPPED
from engine.statistics import BETTER, judge_all


def plan(**changes) -> Plan:
    start = Plan(
        params=Params(vehicles=40),
        schemes=("myopic", "tolled"),
        seeds=(7, 8, 9),
        steps=12,
        skip=4,
        mobility="synthetic",
    )
    return replace(start, **changes)


def played(of: Plan, **told) -> dict:
    contest = Contest(of)
    assert list(contest.play(**told)) == list(of.seeds)
    return contest.as_json()


def test_a_seed_is_the_run_of_that_seed_without_its_first_seconds():
    found = played(plan(seeds=(8,)))
    params = Params(vehicles=40, seed=8)
    mobility = open_mobility("synthetic", params)
    rows = runner.run(params, ("myopic", "tolled"), 12, mobility, "synthetic").values
    for index, scheme in enumerate(found["schemes"]):
        means = task_means(rows[4:, index])
        assert found["values"][scheme] == {metric: [means[metric]] for metric in BETTER}


def test_a_contest_is_what_its_plan_says_and_can_be_judged():
    found = played(plan())
    assert (found["kind"], found["reference"], found["ingredients"]) == ("contest", "myopic", "own")
    assert (found["seeds"], found["steps"], found["skip"]) == ([7, 8, 9], 12, 4)
    assert "seed" not in found["parameters"]
    assert found["parameters"]["vehicles"] == 40
    assert len(set(found["values"]["tolled"]["cost"])) == len(set(found["made"]["traffic"])) == 3
    assert (found["failed"], found["note"]) == ([], "")
    assert judge_all(json.loads(json.dumps(found)))["cost"]["n"] == 3


def test_the_same_plan_gives_the_same_results():
    assert played(plan()) == played(plan())


def test_schemes_meet_the_same_seeds_whoever_else_plays():
    alone = played(plan(schemes=("tolled",)))["values"]["tolled"]
    assert played(plan())["values"]["tolled"] == alone
    assert played(plan(seeds=(9, 7)))["values"]["tolled"]["cost"] == alone["cost"][::-2]


def test_the_others_are_compared_with_af_marl_where_it_plays():
    assert plan(schemes=("tolled", "af-marl")).reference == "af-marl"
    assert plan(schemes=("tolled", "local")).reference == "tolled"


def test_results_grow_seed_by_seed_and_steps_are_told():
    contest, told = Contest(plan()), []
    for number, _ in enumerate(contest.play(told.append), 1):
        found = contest.as_json()
        assert contest.done == len(found["seeds"]) == number
        assert all(len(v) == number for m in found["values"].values() for v in m.values())
    assert told == list(range(1, 37))


def test_an_interrupted_contest_goes_on_to_the_same_results(tmp_path: Path):
    def interrupt(steps):
        if steps == 20:
            raise KeyboardInterrupt

    first = Contest(plan())
    with pytest.raises(KeyboardInterrupt):
        list(first.play(interrupt))
    kept = json.loads(json.dumps(first.as_json()))
    assert kept["seeds"] == [7]
    again = Contest(plan())
    again.resume(kept)
    assert list(again.play()) == [8, 9]
    assert again.as_json() == played(plan())
    fewer = Contest(plan(seeds=(6, 7)))
    fewer.resume(again.as_json())
    assert fewer.as_json()["seeds"] == [7]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"params": Params(vehicles=41)}, "parameters"),
        ({"schemes": ("tolled", "myopic")}, "schemes"),
        ({"steps": 13}, "steps"),
        ({"skip": 3}, "skip"),
    ],
)
def test_results_of_another_contest_are_not_taken_over(change, word):
    contest = Contest(plan(**change))
    with pytest.raises(ParameterError, match=f"another contest .{word} differ"):
        contest.resume(Contest(plan()).as_json())
    assert contest.done == 0


@pytest.mark.parametrize("junk", [{}, {"kind": "contest"}, [], None, {"made": 3}])
def test_junk_is_not_taken_over(junk):
    with pytest.raises(ParameterError, match="no contest of this program"):
        Contest(plan()).resume(junk)


def test_nothing_is_counted_where_all_is_skipped():
    with pytest.raises(ParameterError, match="leaves nothing"):
        plan(skip=12)


def test_learned_schemes_name_the_policies_they_start_from(tmp_path: Path):
    shipped = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    learned = plan(schemes=("af-marl", "local"))
    assert Contest(learned).as_json()["made"]["policies"] == {"af-marl": shipped}
    equal = Contest(replace(learned, params=Params(ingredients="equal"))).as_json()
    assert (equal["ingredients"], equal["made"]["policies"]) == ("equal", {"af-marl": shipped})
    assert "--ingredients equal" in equal["made"]["command"]
    junk = tmp_path / "junk.policy"
    junk.write_bytes(b"junk")
    with pytest.raises(ValueError, match="junk"):
        Contest(replace(learned, policies={"af-marl": junk}))
    scratch = replace(learned, params=Params(start="scratch"))
    assert Contest(scratch).as_json()["made"]["policies"] == {}
    mine = tmp_path / "folder" / "mine.policy"
    mine.parent.mkdir()
    mine.write_bytes(SHIPPED.read_bytes())
    made = Contest(replace(learned, policies={"af-marl": mine})).as_json()["made"]
    assert made["policies"] == {"af-marl": shipped}
    assert "--policy af-marl=mine.policy" in made["command"]
    assert str(tmp_path) not in json.dumps(made)


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Two traces of thirty vehicles."""
    for seed in (1, 2):
        path = tmp_path / f"t{seed}.npz"
        record(SyntheticMobility(seed), 12, lambda _: 30, path, seed=seed)
    return tmp_path


def test_seeds_meet_recorded_traces_in_turn_and_say_so_when_they_share_them(traces: Path):
    recorded = plan(mobility=f"{traces}/t*.npz", params=Params(vehicles=30))
    two = played(replace(recorded, seeds=(7, 8)))
    assert two["mobility"] == "t*.npz"
    assert len(set(two["made"]["traffic"])) == 2
    assert two["note"] == ""
    three = played(recorded)
    assert three["made"]["traffic"][2] == three["made"]["traffic"][0]
    assert len(set(three["values"]["tolled"]["cost"])) == 3  # other tasks
    assert three["note"].startswith("The 3 seeds share 2 recordings of traffic")
    assert str(traces) not in json.dumps(three)


def test_training_is_off_whatever_the_parameters_say():
    learned = plan(schemes=("af-marl",), seeds=(7,), steps=3, skip=1)
    on = played(replace(learned, params=Params(vehicles=40, train=True)))
    assert on["values"] == played(learned)["values"]


def test_best_says_how_often_it_ran_out_of_time():
    hurried = plan(schemes=("best",), seeds=(7,), params=Params(vehicles=300, best_budget=0.01))
    assert played(hurried)["made"]["best_cut_short"][0] > 0
    assert played(plan(seeds=(7,)))["made"]["best_cut_short"] == [None]


def test_the_city_is_full_before_anybody_counts():
    class Slow:
        """Ten vehicles more a second."""

        digest = "slow"
        steps = 0

        def step(self, target: int):
            self.steps += 1
            return replace(shot, vehicle=np.arange(min(target, 10 * self.steps)))

    shot = SyntheticMobility().step(1)
    for vehicles, steps in ((5, 1), (95, 10), (2000, FILL_S)):
        slow = Slow()
        fill(slow, vehicles)
        assert slow.steps == steps


def kill_sumo() -> None:
    for child in psutil.Process().children():
        if "sumo" in child.name():
            child.kill()


@pytest.mark.sumo
@pytest.mark.fault
def test_a_seed_whose_traffic_is_lost_is_played_again_to_the_same_results():
    driven = plan(mobility="sumo", seeds=(7, 8), steps=6, skip=2)
    killed = []

    def once(steps):
        if steps == 9 and not killed:
            kill_sumo()
            killed.append(steps)

    disturbed = played(driven, progress=once)
    assert killed == [9]
    assert disturbed["failed"] == []
    assert disturbed == played(driven)
    assert disturbed["values"]["tolled"]["cost"][0] != disturbed["values"]["tolled"]["cost"][1]


@pytest.mark.sumo
@pytest.mark.fault
def test_seeds_that_are_lost_twice_are_reported_and_two_in_a_row_end_the_contest():
    driven = plan(mobility="sumo", seeds=(7, 8, 9, 10), steps=6, skip=2)
    contest = Contest(driven)

    def always(steps):
        if steps > 6:
            kill_sumo()

    assert list(contest.play(always)) == [7, 8, 9]
    found = contest.as_json()
    assert found["seeds"] == [7]
    assert [one["seed"] for one in found["failed"]] == [8, 9]
    assert all("SUMO was killed" in one["why"] for one in found["failed"])
    assert not [c for c in psutil.Process().children() if "sumo" in c.name()]


@pytest.mark.sumo
def test_sumo_has_as_many_vehicles_as_were_asked_for_from_the_first_counted_second():
    mobility = SumoMobility(3)
    try:
        fill(mobility, 200)
        assert len(mobility.step(200).vehicle) == 200
    finally:
        mobility.close()
