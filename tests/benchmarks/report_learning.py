"""What a learned scheme gives on held-out traffic: `report_learning.py TRACE... --case NAME=...`.

Every case plays its schemes on the same traces, tasks and fading; prints Markdown with 95 %
intervals over the traces and the paired difference of each row to the first one. A case is a name,
and options of the learned scheme that it changes, as in

    --case shipped --case "no forecast:forecast=off" --case "mine:policy=mine.policy"
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from engine import runner
from engine.metrics import task_means
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.presets import PRESETS

Values = NDArray[np.float64]


def play(
    params: Params, stage: Sequence[str], trace: Path, steps: int, skip: int, policy: Path | None
) -> dict[str, tuple[float, float]]:
    """Cost and success of each scheme on one trace, the first seconds left out."""
    policies = {} if policy is None else {stage[0]: policy}
    mobility = RecordedMobility(trace)
    values = runner.run(params, stage, steps, mobility, str(trace), policies=policies).values
    means = [task_means(values[skip:, index]) for index in range(len(stage))]
    return {
        name: (mean["cost"], mean["success_rate"]) for name, mean in zip(stage, means, strict=True)
    }


def interval(values: Values) -> str:
    if len(values) < 2:
        return f"{values.mean():.4f}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.4f} ± {half:.4f}"


def report(title: str, found: dict[str, Values]) -> None:
    """One table; `found` holds (traces, 2) of each row."""
    first = next(iter(found))
    count = len(found[first])
    print(f"\n### {title}, {count} traces\n")
    print(f"| row | cost | success | cost minus that of {first} | way from myopic to best |")
    print("|---|---|---|---|---|")
    for name, values in found.items():
        way = "-"
        if {"myopic", "best"} <= set(found):
            near, far = found["best"][:, 0], found["myopic"][:, 0]
            way = interval(100.0 * (far - values[:, 0]) / (far - near)) + " %"
        paired = interval(values[:, 0] - found[first][:, 0])
        print(
            f"| {name} | {interval(values[:, 0])} | {interval(values[:, 1])} | {paired} | {way} |"
        )


def parsed(case: str) -> tuple[str, dict[str, str], Path | None]:
    name, _, rest = case.partition(":")
    options = dict(word.split("=", 1) for word in rest.split(",") if word)
    policy = options.pop("policy", None)
    return name, options, None if policy is None else Path(policy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", type=Path, nargs="+")
    parser.add_argument("--scheme", default="af-marl")
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--presets", default="default")
    parser.add_argument("--set", action="append", default=[], help="a parameter of every row")
    parser.add_argument("--references", default="non-drl,constant,myopic,tolled,best")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--skip", type=int, default=10)
    parser.add_argument("--seed", type=int, default=301, help="of the first trace; the next +1")
    given = parser.parse_args()
    common = dict(word.split("=", 1) for word in given.set)
    references = [name for name in given.references.split(",") if name]
    for preset in given.presets.split(","):
        found: dict[str, list[tuple[float, float]]] = {}
        for at, trace in enumerate(given.traces):
            for case in given.case or ["shipped"]:
                name, options, policy = parsed(case)
                raw = {**common, **options, "seed": given.seed + at}
                params = PRESETS[preset].params(**raw)
                played = play(params, [given.scheme], trace, given.steps, given.skip, policy)
                found.setdefault(name, []).append(played[given.scheme])
            params = PRESETS[preset].params(**common, seed=given.seed + at)
            if references:
                played = play(params, references, trace, given.steps, given.skip, None)
                for name in references:
                    found.setdefault(name, []).append(played[name])
        title = " ".join([preset, *given.set])
        report(title, {name: np.array(rows) for name, rows in found.items()})


if __name__ == "__main__":
    main()
