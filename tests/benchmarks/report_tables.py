"""The model's tables as SUMO traffic gives them: `python tests/benchmarks/report_tables.py`.

Records one trace a density, after the city has filled, and runs every cell on it: cost per task and
success over all tasks. Prints Markdown; `--steps` and `--vehicles` choose how much.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine import runner
from engine.mobility import open_mobility
from engine.mobility.recorded import RecordedMobility, record
from engine.params import Params
from engine.presets import PRESETS

STAGE = ("local", "offload", "random", "non-drl", "myopic", "tolled", "best", "bound")
GRID = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
CASES = {
    "default": {},
    "T=0.1": {"deadline": 0.1},
    "T=1.0": {"deadline": 1.0},
    "D=0.5 MB": {"task_size": 0.5},
    "D=2.0 MB": {"task_size": 2.0},
    "f_m=2.5 GHz": {"rsu_capacity": 2.5},
    "f_m=3.5 GHz": {"rsu_capacity": 3.5},
    "S=0.1 s": {"sync_interval": "0.1"},
    "S=5 s": {"sync_interval": "5"},
}


def means(params: Params, stage: Sequence[str], trace: Path, steps: int) -> dict[str, dict]:
    mobility = RecordedMobility(trace)
    return runner.run(params, stage, steps, mobility, str(trace)).summary()["schemes"]


def cell(values: dict) -> str:
    return f"{values['cost']:.3f} / {values['success_rate']:.3f}"


def best_constant(params: Params, trace: Path, steps: int) -> str:
    tried = {}
    for rho in GRID:
        fixed = Params.parse({"rho": rho}, params)
        tried[rho] = means(fixed, ("constant",), trace, steps)["constant"]
    rho = min(tried, key=lambda each: tried[each]["cost"])
    return f"{cell(tried[rho])} (ρ={rho:g})"


def table(title: str, cases: dict[str, Params], traces: dict[str, Path], steps: int) -> None:
    print(f"\n### {title}\n\n| case | {' | '.join(STAGE)} | best constant |")
    print("|---" * (len(STAGE) + 2) + "|")
    for name, params in cases.items():
        found = means(params, STAGE, traces[name], steps)
        row = " | ".join(cell(found[scheme]) for scheme in STAGE)
        print(f"| {name} | {row} | {best_constant(params, traces[name], steps)} |", flush=True)


def literal_table(trace: Path, steps: int) -> None:
    print("\n### paper-literal\n\n| rho | Omega | delay s | success |\n|---|---|---|---|")
    for rho in (0.0, 0.25, 0.5, 1.0):
        params = PRESETS["paper-literal"].params(rho=rho)
        found = means(params, ("constant",), trace, steps)["constant"]
        print(
            f"| {rho:g} | {found['cost']:.2f} | {found['delay_s']:.2f} "
            f"| {found['success_rate']:.3f} |",
            flush=True,
        )


def recorded(folder: Path, vehicles: int, steps: int, seed: int) -> Path:
    path = folder / f"{vehicles}.npz"
    mobility = open_mobility("sumo", Params(vehicles=vehicles, seed=seed))
    try:
        record(mobility, steps, lambda _: vehicles, path, seed=seed, warm_up=120)
    finally:
        mobility.close()
    return path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=150)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--vehicles", type=int, nargs="+", default=[200, 500, 1500])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        traces = {n: recorded(folder, n, chosen.steps, chosen.seed) for n in chosen.vehicles}
        for n, trace in traces.items():
            start = Params(vehicles=n, seed=chosen.seed)
            cases = {case: Params.parse(change, start) for case, change in CASES.items()}
            table(f"N = {n}", cases, dict.fromkeys(cases, trace), chosen.steps)
        literal_table(traces[chosen.vehicles[0]], chosen.steps)


if __name__ == "__main__":
    main()
