"""Results in the forms of other tools: CSV, Parquet, and the JSON that marl-eval reads.

marl-eval (InstaDeep) wants numbers of every algorithm at the same steps of the same number of runs:
`{environment: {task: {algorithm: {run: {step: {"step_count": int, metric: [number]}}}}}}`, the last
step being `absolute_metrics`. An algorithm is a scheme here, a run a seed, and the task is named by
the traffic and the parameters that are not the default. More is better for marl-eval: its figures
of `cost`, `delay_s` and `energy_j` are to be read the other way round.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.metrics import METRICS, TASKS, task_means
from engine.params import METAS
from engine.types import Floats

if TYPE_CHECKING:
    import pandas as pd

ENVIRONMENT: Final = "iov_offloading"
#: A step of marl-eval in a run, seconds: long enough that somebody has a task.
WINDOW_S: Final = 30
#: What marl-eval gets of a run: `tasks` is no score, `success_offloaded` may be of nothing.
_SCORES: Final = tuple(m for m in METRICS if m not in ("tasks", "success_offloaded"))
_CONTEST_METRICS: Final = ("cost", "success_rate", "delay_s", "energy_j")
#: A run: its manifest, and its metrics, (steps, schemes, len(METRICS)).
Run = tuple[Mapping[str, Any], Floats]


class ExportError(ValueError):
    """The results have no such form; the message is one sentence for the user."""


def metrics_table(schemes: Sequence[str], values: Floats) -> pd.DataFrame:
    """A row for each step and scheme: `step`, `scheme`, and the metrics.

    Args:
        schemes: in the order of the values.
        values: (steps, schemes, len(METRICS)).
    """
    import pandas as pd  # noqa: PLC0415  half a second, after the run or not at all

    table = pd.DataFrame(values.reshape(-1, len(METRICS)), columns=list(METRICS))
    steps = np.arange(len(values), dtype=np.int64)
    table.insert(0, "step", np.repeat(steps, len(schemes)))
    table.insert(1, "scheme", list(schemes) * len(values))
    return table


def run_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Runs one below the other, see `metrics_table`, each with its `seed` before."""
    import pandas as pd  # noqa: PLC0415

    tables = []
    for manifest, values in runs:
        table = metrics_table(manifest["schemes"], values)
        table.insert(0, "seed", manifest["seed"])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def run_csv(runs: Sequence[Run]) -> str:
    """Runs as one table, see `run_table`."""
    return run_table(runs).to_csv(index=False, lineterminator="\n")


def run_parquet(runs: Sequence[Run]) -> bytes:
    """Runs as one table, see `run_table`."""
    return _parquet(run_table(runs))


def run_marl_eval(runs: Sequence[Run]) -> dict[str, Any]:
    """Runs as marl-eval reads them; a step of theirs is `WINDOW_S` seconds.

    Raises:
        ExportError: they differ in what has to be the same, or nobody had a task for a while.
    """
    schemes = tuple(runs[0][0]["schemes"])
    lengths = {len(values) for _, values in runs}
    if len(lengths) > 1 or any(tuple(manifest["schemes"]) != schemes for manifest, _ in runs):
        raise ExportError("marl-eval compares runs of the same schemes and steps: these differ.")
    cells: list[_Cell] = []
    for manifest, values in runs:
        seed = int(manifest["seed"])
        task = _task(manifest["parameters"], str(manifest["mobility"]["source"]))
        for at, scheme in enumerate(schemes):
            marks = [*range(WINDOW_S, len(values), WINDOW_S), len(values)]
            steps = [
                (end, _scores(values[start:end, at], seed, start))
                for start, end in zip([0, *marks], marks, strict=False)
            ]
            cells.append((task, scheme, seed, steps, _scores(values[:, at], seed, 0)))
    return _marl_eval(cells)


def contest_table(contest: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each seed and scheme: `seed`, `scheme`, means per task, and the `commit`."""
    import pandas as pd  # noqa: PLC0415

    commit = contest.get("made", {}).get("commit")
    values = contest["values"]
    rows = [
        {
            "seed": seed,
            "scheme": scheme,
            **{metric: _at(values[scheme][metric], at) for metric in _CONTEST_METRICS},
            "commit": commit,
        }
        for at, seed in enumerate(contest["seeds"])
        for scheme in contest["schemes"]
    ]
    table = pd.DataFrame(rows, columns=["seed", "scheme", *_CONTEST_METRICS, "commit"])
    return table.astype(dict.fromkeys(_CONTEST_METRICS, np.float64))


def contest_csv(contest: Mapping[str, Any]) -> str:
    """A contest as a table, see `contest_table`."""
    return contest_table(contest).to_csv(index=False, lineterminator="\n")


def contest_parquet(contest: Mapping[str, Any]) -> bytes:
    """A contest as a table, see `contest_table`, with its manifest in `DataFrame.attrs`."""
    table = contest_table(contest)
    about: Mapping[Any, Any] = contest_manifest(contest)
    table.attrs = about
    return _parquet(table)


def contest_marl_eval(contest: Mapping[str, Any]) -> dict[str, Any]:
    """A contest as marl-eval reads it, one step a seed.

    Raises:
        ExportError: a seed has no number for some scheme.
    """
    task = _task(contest["parameters"], str(contest["mobility"]))
    cells: list[_Cell] = []
    for at, seed in enumerate(contest["seeds"]):
        for scheme in contest["schemes"]:
            values = contest["values"][scheme]
            scores = {metric: _at(values[metric], at) for metric in _CONTEST_METRICS}
            known = {name: value for name, value in scores.items() if value is not None}
            if len(known) < len(scores):
                raise ExportError(
                    f"marl-eval needs a number of every seed: {scheme} has none of seed {seed}."
                )
            cells.append((task, scheme, int(seed), [(int(contest["steps"]), known)], known))
    return _marl_eval(cells)


def contest_manifest(contest: Mapping[str, Any]) -> dict[str, Any]:
    """Where a contest comes from: all of it but the numbers."""
    return {name: value for name, value in contest.items() if name != "values"}


#: Task, algorithm, seed, scores after so many seconds each, absolute metrics.
_Cell = tuple[str, str, int, list[tuple[int, dict[str, float]]], dict[str, float]]


def _marl_eval(cells: Iterable[_Cell]) -> dict[str, Any]:
    tasks: dict[str, Any] = {}
    for task, algorithm, seed, steps, absolute in cells:
        runs = tasks.setdefault(task, {}).setdefault(algorithm, {})
        name = f"seed_{seed}"
        if name in runs:
            raise ExportError(f"marl-eval knows a run by its seed: seed {seed} is there twice.")
        runs[name] = {
            f"step_{at}": {"step_count": count, **_lists(scores)}
            for at, (count, scores) in enumerate(steps, 1)
        }
        runs[name]["absolute_metrics"] = _lists(absolute)
    if len({len(runs) for algorithms in tasks.values() for runs in algorithms.values()}) > 1:
        raise ExportError("marl-eval wants as many seeds of each task: these differ.")
    return {ENVIRONMENT: tasks}


def _lists(scores: Mapping[str, float]) -> dict[str, list[float]]:
    return {name: [value] for name, value in scores.items()}


def _scores(rows: Floats, seed: int, start: int) -> dict[str, float]:
    """Means per task of some seconds of one scheme."""
    if not rows[:, TASKS].sum():
        raise ExportError(
            f"marl-eval needs a number at every step: nobody had a task from second {start} "
            f"to {start + len(rows)} of seed {seed}."
        )
    means = task_means(rows)
    return {name: float(mean) for name in _SCORES if (mean := means[name]) is not None}


def _task(parameters: Mapping[str, Any], mobility: str) -> str:
    """The traffic and what is not the default, such as `sumo vehicles=500`."""
    words = [Path(part).name for part in mobility.split(",")]
    for name, meta in METAS.items():
        if name != "seed" and name in parameters:
            value = meta.parse(parameters[name])
            if value != meta.parse(meta.default):
                words.append(f"{name}={meta.text(value)}")
    return " ".join(words)


def _at(numbers: Sequence[float | None], at: int) -> float | None:
    """The number of a seed, None where it is not played yet."""
    return numbers[at] if at < len(numbers) else None


def _parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


def as_json(content: Mapping[str, Any]) -> str:
    """As the files of a run are written."""
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
