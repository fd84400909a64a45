"""Headless runs give the same files for the same seed, and keep what is done."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.metrics import METRICS
from engine.mobility import open_mobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.runner import run

TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"
STAGE = ("non-drl", "tolled", "bound")


def files(out: Path, source: str, seed: int, stage: tuple[str, ...] = STAGE, steps: int = 8):
    params = Params(vehicles=60, seed=seed)
    run(params, stage, steps, open_mobility(source, params), source).write(out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("source", [str(TRACE), pytest.param("sumo", marks=pytest.mark.sumo)])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    tmp_path: Path, source: str
) -> None:
    first, again, other = (
        files(tmp_path / name, source, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert sorted(first) == ["manifest.json", "metrics.parquet", "summary.json"]
    assert first == again
    assert first["metrics.parquet"] != other["metrics.parquet"]


def test_a_scheme_more_changes_no_other(tmp_path: Path) -> None:
    files(tmp_path / "a", str(TRACE), 1, ("non-drl", "random", "tolled"))
    files(tmp_path / "b", str(TRACE), 1, ("tolled", "random"))
    one, two = (pd.read_parquet(tmp_path / name / "metrics.parquet") for name in "ab")
    for scheme in ("random", "tolled"):
        pd.testing.assert_frame_equal(
            one[one.scheme == scheme].reset_index(drop=True),
            two[two.scheme == scheme].reset_index(drop=True),
        )


def test_the_files_hold_what_they_promise(tmp_path: Path) -> None:
    files(tmp_path, str(TRACE), 3)
    table = pd.read_parquet(tmp_path / "metrics.parquet")
    summary = json.loads((tmp_path / "summary.json").read_text())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert list(table.columns) == ["step", "scheme", *METRICS]
    assert table.step.tolist() == [step for step in range(8) for _ in STAGE]
    assert table.scheme.tolist() == list(STAGE) * 8
    rows = table[(table.scheme == "tolled") & (table.tasks > 0)]
    means = summary["schemes"]["tolled"]
    assert means["tasks"] == rows.tasks.sum()
    assert means["cost"] == pytest.approx(np.average(rows.cost, weights=rows.tasks))
    assert (summary["seed"], summary["steps"]) == (3, 8)
    assert summary["parameters"] == manifest["parameters"] == Params(vehicles=60, seed=3).as_json()
    assert manifest["mobility"] == {
        "source": str(TRACE),
        "digest": open_mobility(str(TRACE), Params()).digest,
    }
    assert manifest["versions"]["numpy"] == np.__version__


def test_an_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    results = run(Params(vehicles=10), ("local",), 50, SyntheticMobility(0), "synthetic", interrupt)
    assert 5 <= results.steps <= 6
    results.write(tmp_path)
    assert pd.read_parquet(tmp_path / "metrics.parquet").step.max() == results.steps - 1


def test_a_trace_that_ends_early_keeps_what_is_done() -> None:
    mobility = open_mobility(str(TRACE), Params())
    results = run(Params(vehicles=5), ("local",), mobility.steps + 5, mobility, "trace")
    assert results.steps == mobility.steps
    assert "trace ended" in results.ended
