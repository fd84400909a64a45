"""A headless run that is forked: the run's own files stay as they are, the fork's say both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.change import Change
from engine.fork_run import FORK_FILE, ForkPlan
from engine.metrics import METRICS
from engine.mobility import open_mobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.runner import METRICS_FILE, Results, run

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"
STAGE = ("tolled", "random", "bound")


def forked(
    out: Path, plan: ForkPlan | None, source: str = str(TRACE), steps: int = 16, **raw: object
) -> Results:
    params = Params.parse({"vehicles": 60, **raw})
    results = run(params, STAGE, steps, open_mobility(source, params), source, fork=plan)
    results.write(out)
    return results


def part(out: Path, future: str) -> pd.DataFrame:
    table = pd.read_parquet(out / FORK_FILE)
    return table[table.future == future].drop(columns="future").reset_index(drop=True)


@pytest.mark.parametrize(
    ("source", "raw"),
    [
        ("synthetic", {"density": "2:6"}),
        (str(TRACE), {}),
        pytest.param("sumo", {}, marks=pytest.mark.sumo),
    ],
)
def test_without_a_change_both_futures_are_the_runs_own_rows(
    tmp_path: Path, source: str, raw: dict
) -> None:
    forked(tmp_path, ForkPlan(9, Change(), 7), source, **raw)
    metrics = pd.read_parquet(tmp_path / METRICS_FILE)
    after = metrics[metrics.step >= 9].reset_index(drop=True)
    for future in ("base", "changed"):
        pd.testing.assert_frame_equal(part(tmp_path, future), after, check_exact=True)
    difference = part(tmp_path, "difference")[list(METRICS)].to_numpy()
    assert (difference[~np.isnan(difference)] == 0.0).all()


def test_the_same_fork_gives_the_same_bytes_and_leaves_the_run_alone(tmp_path: Path) -> None:
    plan = ForkPlan(5, Change(params={"deadline": 0.4}, replace=("tolled", "myopic")), 8)
    for name in "ab":
        forked(tmp_path / name, plan)
    forked(tmp_path / "plain", None)
    a, b, plain = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("a", "b", "plain")
    )
    assert a == b
    assert FORK_FILE not in plain
    assert a[METRICS_FILE] == plain[METRICS_FILE]


def test_the_difference_is_taken_arm_by_arm(tmp_path: Path) -> None:
    change = Change(replace=("tolled", "random"), stage=("bound", "random", "local"))
    forked(tmp_path, ForkPlan(4, change, 3))
    base, changed, difference = (part(tmp_path, f) for f in ("base", "changed", "difference"))
    assert list(dict.fromkeys(changed.scheme)) == ["bound", "random", "local"]
    assert list(dict.fromkeys(difference.scheme)) == ["bound", "random"]
    of = {
        name: table.set_index(["step", "scheme"]).cost
        for name, table in (("b", base), ("c", changed))
    }
    found = difference.set_index(["step", "scheme"]).cost
    for step in range(4, 7):
        assert found[step, "random"] == of["c"][step, "random"] - of["b"][step, "tolled"]
        assert found[step, "bound"] == 0.0


def test_the_futures_may_go_on_after_the_run(tmp_path: Path) -> None:
    results = forked(tmp_path, ForkPlan(16, Change(), 5))
    assert results.fork is not None
    assert results.fork.steps == 5
    assert part(tmp_path, "base").step.tolist() == [s for s in range(16, 21) for _ in STAGE]


def test_futures_longer_than_the_trace_keep_what_there_is(tmp_path: Path) -> None:
    steps = 300
    params = Params(vehicles=3)
    results = run(
        params, ("local",), steps, open_mobility(str(TRACE), params), str(TRACE),
        fork=ForkPlan(steps - 4, Change(), 9),
    )  # fmt: skip
    assert results.steps == steps
    assert results.fork is not None
    assert results.fork.steps == 4
    assert "trace ended" in results.fork.ended


def test_a_change_that_proves_impossible_loses_nothing_of_the_run(tmp_path: Path) -> None:
    plan = ForkPlan(2, Change(replace=("tolled", "local")), 3)
    mobility = SyntheticMobility(0)
    results = run(Params(vehicles=5), ("local",), 6, mobility, "synthetic", fork=plan)
    assert results.steps == 6
    assert results.fork is not None
    assert results.fork.ended == "tolled is not on stage, so nothing can replace it."
    results.write(tmp_path)
    assert len(pd.read_parquet(tmp_path / METRICS_FILE)) == 6
    assert len(part(tmp_path, "base")) == 0
