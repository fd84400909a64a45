"""Exports hold the numbers of runs and contests, in the shape that other tools read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import export
from engine.cli import main
from engine.metrics import METRICS, task_means
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.runner import read, run

STAGE = ("local", "tolled", "bound")
QUICK = ["--mobility", "synthetic", "--schemes", "local,tolled", "--vehicles", "40"]


def played(seed: int, steps: int = 70, stage: tuple[str, ...] = STAGE, **raw) -> export.Run:
    params = Params.parse({"vehicles": 40, "seed": seed, **raw})
    results = run(params, stage, steps, SyntheticMobility(seed), "synthetic")
    return results.manifest(), results.values


@pytest.fixture(scope="module")
def runs() -> list[export.Run]:
    return [played(seed) for seed in (0, 1)]


@pytest.fixture
def contest() -> dict:
    """As the contract of contests has it, made as `iov-twin contest` makes it."""
    values = {
        scheme: {
            metric: [round(1.0 + 0.1 * at + 0.01 * seed + len(metric), 3) for seed in (7, 8, 9)]
            for metric in ("cost", "success_rate", "delay_s", "energy_j")
        }
        for at, scheme in enumerate(("af-marl", "non-drl"))
    }
    parameters = Params.parse({"density": "20:60", "rsu_cores": 2}).as_json()
    del parameters["seed"]
    return {
        "kind": "contest", "parameters": parameters, "ingredients": "own",
        "schemes": ["af-marl", "non-drl"], "reference": "af-marl", "seeds": [7, 8, 9],
        "steps": 120, "skip": 20, "mobility": "one.npz,two.npz", "values": values,
        "made": {"commit": "0123abc", "versions": {"numpy": "2"}, "traffic": ["a", "b", "a"]},
    }  # fmt: skip


def check_shape(exported: dict, algorithms: set[str], seeds: int, steps: int) -> None:
    """The structure that marl-eval's documentation asks for, and what its check of data refuses."""
    metrics: set[frozenset[str]] = set()
    assert exported
    for tasks in exported.values():
        for found in tasks.values():
            assert set(found) == algorithms
            assert not any("," in name for name in found)
            for by_seed in found.values():
                assert len(by_seed) == seeds
                for logged in by_seed.values():
                    *names, last = logged
                    assert last == "absolute_metrics"
                    assert names == [f"step_{at + 1}" for at in range(steps)]
                    counts = [logged[name]["step_count"] for name in names]
                    assert all(isinstance(count, int) for count in counts)
                    assert counts == sorted(set(counts))
                    for scores in logged.values():
                        lists = {k: v for k, v in scores.items() if k != "step_count"}
                        assert all(len(v) == 1 and np.isfinite(v[0]) for v in lists.values())
                        metrics.add(frozenset(lists))
    assert len(metrics) == 1


def test_marl_eval_gets_windows_and_the_mean_of_a_run(runs: list[export.Run]) -> None:
    exported = json.loads(export.as_json(export.run_marl_eval(runs)))
    check_shape(exported, set(STAGE), seeds=2, steps=3)
    (task,) = exported["iov_offloading"]
    assert task == "synthetic vehicles=40"
    for manifest, values in runs:
        logged = exported["iov_offloading"][task]["tolled"][f"seed_{manifest['seed']}"]
        windows = {"step_1": (0, 30), "step_2": (30, 60), "step_3": (60, 70)}
        for name, (start, end) in windows.items():
            assert logged[name]["step_count"] == end
            means = task_means(values[start:end, STAGE.index("tolled")])
            assert logged[name]["cost"] == [means["cost"]]
            assert logged[name]["success_rate"] == [means["success_rate"]]
        assert logged["absolute_metrics"]["cost"] == [task_means(values[:, 1])["cost"]]


def test_marl_eval_gets_a_task_for_each_setting(runs: list[export.Run]) -> None:
    others = [played(seed, rsu_cores=2, deadline=0.5) for seed in (0, 1)]
    exported = export.run_marl_eval([*runs, *others])
    check_shape(exported, set(STAGE), seeds=2, steps=3)
    assert list(exported["iov_offloading"]) == [
        "synthetic vehicles=40",
        "synthetic vehicles=40 deadline=0.5 rsu_cores=2",
    ]


def test_what_marl_eval_could_not_compare_is_refused(runs: list[export.Run]) -> None:
    for other, words in (
        (played(5, steps=30), "the same schemes and steps"),
        (played(5, stage=("local",)), "the same schemes and steps"),
        (runs[0], "seed 0 is there twice"),
        (played(0, rsu_cores=2), "as many seeds of each task"),
        (played(5, vehicles=1, task_rate=0.05, task_switching=0.01), "nobody had a task"),
    ):
        with pytest.raises(export.ExportError, match=words):
            export.run_marl_eval([*runs, other])


def test_tables_of_runs_hold_every_number(runs: list[export.Run]) -> None:
    csv = pd.read_csv(io.StringIO(export.run_csv(runs)))
    parquet = pd.read_parquet(io.BytesIO(export.run_parquet(runs)))
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False, rtol=1e-12)
    assert list(csv.columns) == ["seed", "step", "scheme", *METRICS]
    values = parquet[list(METRICS)].to_numpy().reshape(2, 70, 3, len(METRICS))
    np.testing.assert_array_equal(values, np.array([run[1] for run in runs]))
    assert csv.seed.tolist() == [0] * 210 + [1] * 210
    assert csv.scheme.tolist() == list(STAGE) * 140


def test_a_contest_has_a_row_for_each_seed_and_scheme(contest: dict) -> None:
    table = pd.read_csv(io.StringIO(export.contest_csv(contest)))
    columns = ["seed", "scheme", "cost", "success_rate", "delay_s", "energy_j", "commit"]
    assert list(table.columns) == columns
    assert len(table) == 6
    row = table[(table.seed == 8) & (table.scheme == "non-drl")].iloc[0]
    assert row.cost == contest["values"]["non-drl"]["cost"][1]
    assert set(table.commit) == {"0123abc"}
    parquet = pd.read_parquet(io.BytesIO(export.contest_parquet(contest)))
    pd.testing.assert_frame_equal(table, parquet, check_dtype=False)
    about = {name: value for name, value in contest.items() if name != "values"}
    assert parquet.attrs == export.contest_manifest(contest) == about


def test_a_contest_is_one_step_a_seed_for_marl_eval(contest: dict) -> None:
    exported = export.contest_marl_eval(contest)
    check_shape(exported, {"af-marl", "non-drl"}, seeds=3, steps=1)
    logged = exported["iov_offloading"]["one.npz two.npz density=20:60 rsu_cores=2"]["af-marl"]
    assert logged["seed_9"] == {
        "step_1": {"step_count": 120, **logged["seed_9"]["absolute_metrics"]},
        "absolute_metrics": {
            metric: [numbers[2]] for metric, numbers in contest["values"]["af-marl"].items()
        },
    }


def test_a_contest_under_way_has_gaps_in_tables_and_none_for_marl_eval(contest: dict) -> None:
    contest["values"]["non-drl"]["delay_s"] = [1.0, None]
    table = export.contest_table(contest)
    assert table[table.scheme == "non-drl"].delay_s.isna().tolist() == [False, True, True]
    with pytest.raises(export.ExportError, match="non-drl has none of seed 8"):
        export.contest_marl_eval(contest)


def test_a_run_exports_on_request_and_a_new_one_leaves_nothing_of_the_old(tmp_path: Path) -> None:
    command = ["run", *QUICK, "--steps", "40", "--out", str(tmp_path)]
    assert main([*command, "--export", "csv,marl-eval"]) == 0
    names = ["manifest.json", "marl_eval.json", "metrics.csv", "metrics.parquet", "summary.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    made, values = read(tmp_path)
    assert (tmp_path / "metrics.csv").read_text() == export.run_csv([(made, values)])
    exported = json.loads((tmp_path / "marl_eval.json").read_text())
    check_shape(exported, {"local", "tolled"}, seeds=1, steps=2)
    assert main([*command, "--seed", "3", "--force"]) == 0
    assert not (tmp_path / "metrics.csv").exists()
    assert not (tmp_path / "marl_eval.json").exists()


def test_runs_of_several_seeds_are_exported_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    for seed in ("4", "5"):
        folders.append(str(tmp_path / seed))
        command = ["run", *QUICK, "--steps", "31", "--seed", seed, "--out", folders[-1]]
        assert main(command) == 0
    capsys.readouterr()
    out = tmp_path / "out"
    forms = ["--to", "csv,parquet,marl-eval", "--out", str(out), "--json"]
    assert main(["export", *folders, *forms]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert sorted(Path(name) for name in printed["files"]) == sorted(out.iterdir())
    check_shape(json.loads((out / "marl_eval.json").read_text()), {"local", "tolled"}, 2, 2)
    assert set(pd.read_csv(out / "metrics.csv").seed) == {4, 5}
    manifest = json.loads((out / "manifest.json").read_text())
    for seed, made in zip((4, 5), manifest["runs"], strict=True):
        assert made["seed"] == made["parameters"]["seed"] == seed
        assert made["versions"]["numpy"] == np.__version__
        assert "commit" in made


def test_a_contest_is_exported_with_where_it_comes_from(tmp_path: Path, contest: dict) -> None:
    file, out = tmp_path / "contest.json", tmp_path / "out"
    file.write_text(json.dumps(contest))
    assert main(["export", str(file), "--out", str(out)]) == 0
    assert (out / "metrics.csv").read_text() == export.contest_csv(contest)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest == export.contest_manifest(contest)
    assert (manifest["made"]["commit"], manifest["seeds"]) == ("0123abc", [7, 8, 9])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{run}", "--to", "xml"], "choose among csv, parquet, marl-eval"),
        (["missing.json"], "There are no results missing.json"),
        (["{empty}"], "manifest.json is missing"),
        (["{damaged}"], "its manifest and metrics differ"),
        (["{torn}"], "that can be read"),
        (["{text}"], "holds no results of a contest"),
        (["{other}"], "holds no results of a contest"),
        (["{half}"], "holds no results of a contest"),
        (["{contest}", "{run}"], "A contest is one file"),
        (["{run}", "{run}", "--to", "marl-eval"], "is there twice"),
        (["{run}", "--out", "{run}", "--to", "parquet"], "add --force"),
    ],
)
def test_bad_exports_end_with_one_sentence(
    tmp_path: Path,
    contest: dict,
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {name: tmp_path / name for name in ("run", "empty", "damaged", "torn")}
    for name in ("run", "damaged", "torn"):
        results = run(Params(vehicles=20), ("local",), 5, SyntheticMobility(0), "synthetic")
        results.write(places[name])
    places["empty"].mkdir()
    manifest = json.loads((places["damaged"] / "manifest.json").read_text())
    (places["damaged"] / "manifest.json").write_text(json.dumps({**manifest, "steps": 4}))
    (places["torn"] / "metrics.parquet").write_bytes(b"PAR1")
    for name, content in {
        "text": "hello", "other": '{"kind": "frame"}', "contest": json.dumps(contest),
        "half": '{"kind": "contest", "seeds": [1]}',
    }.items():  # fmt: skip
        places[name] = tmp_path / f"{name}.json"
        places[name].write_text(content)
    filled = [option.format(**places) for option in options]
    out = [] if "--out" in filled else ["--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main(["export", *filled, *out])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
