"""How well AdFL foretells the next second: `python tests/benchmarks/report_forecast.py --help`.

On each held-out trace a behaviour acts, the federation learns beside it from w^(0), and everything
is judged on the same seconds after that. Prints Markdown: means over traces and 95 % intervals.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t as student

from engine.environment import Arm
from engine.learning.adfl import Adfl, AdflOptions
from engine.learning.experience import experience
from engine.learning.features import CONTEXT, view
from engine.learning.forecast import Forecaster
from engine.learning.memory import TARGET, Windows
from engine.learning.recording import Recorded, Recording
from engine.learning.samples import Samples
from engine.learning.seats import take_seats
from engine.learning.skill import Skill, baselines, means, skill
from engine.mobility.recorded import RecordedMobility
from engine.physics.neighbours import nobody
from engine.presets import PRESETS
from engine.pretraining import behaviours, record
from engine.rsus import mesh
from engine.twins import VehicleTwins
from engine.world import World

COLUMNS = tuple(field.name for field in dataclasses.fields(Skill))
Starts = dict[str, tuple[Forecaster, torch.Tensor]]


def predictions(forecaster: Forecaster, models: torch.Tensor, told: Recorded) -> np.ndarray:
    """(k, 4), the last as a probability."""
    found = []
    for at in range(0, len(told.rows), 2000):
        some = slice(at, at + 2000)
        windows = torch.from_numpy(told.rows[some, :-TARGET])
        found.append(forecaster.predict(models, told.rsu[some], windows))
    predicted = torch.cat(found).double().numpy()
    predicted[:, 3] = 1.0 / (1.0 + np.exp(-predicted[:, 3]))
    return predicted


def one(trace: Path, behaviour: str, starts: Starts, others: Recorded, args) -> dict[str, Skill]:
    """Judge every forecast on one trace."""
    seed = int("".join(filter(str.isdigit, trace.stem))[-9:])
    params = PRESETS[args.preset].params(seed=seed, forecast="off", aggregation="semi")
    world, twins = World(RecordedMobility(trace), params), VehicleTwins()
    scheme = behaviours([behaviour], params, seed)[0]
    windows, samples, recording, arm = Windows(), Samples(), Recording(), None
    federations = {
        name: Adfl(
            forecaster, start, mesh(), samples.data, AdflOptions(learning_rate=args.rate), seed=0
        )
        for name, (forecaster, start) in starts.items()
    }
    for step in range(args.train + args.test):
        scene = world.step(params)
        arm = arm or Arm("x", scheme, scene.rsus)
        sight = twins.step(scene, 1.0)
        stepped = arm.step(scene, params, sight, nobody(len(scene.vehicle)))
        o = stepped.observation
        if step < args.train:
            nothing = np.zeros((len(o.vehicle), CONTEXT))
            seen = view(o, take_seats(o), nothing)
            note = np.zeros((len(seen.row), 0), np.float32)
            told = experience(o, stepped.outcome, seen, note, windows.take(o))
            samples.take(told)
            for adfl in federations.values():
                adfl.learn(told)
        if step >= args.train - 10:
            recording.step(o, stepped.outcome)
    after = recording.samples().since(args.train)
    found = dict(baselines(after, means(others)))
    for name, (forecaster, start) in starts.items():
        found[f"w(0) {name}"] = predictions(forecaster, start[None], after)
        found[f"federated {name}"] = predictions(forecaster, federations[name].models, after)
    return {name: skill(predicted, after) for name, predicted in found.items()}


def table(rows: dict[str, list[Skill]]) -> str:
    lines = ["| forecast | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, skills in rows.items():
        values = np.array([dataclasses.astuple(each) for each in skills])
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) * student.ppf(0.975, len(values) - 1)
        half = spread / np.sqrt(len(values))
        cells = (f"{m:.3f} ± {h:.3f}" for m, h in zip(mean, half, strict=True))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="+", type=Path, help="held-out, two at least")
    parser.add_argument("--other", type=Path, required=True, help="a trace for the mean baseline")
    parser.add_argument("--plain", type=Path, required=True, help="w^(0) without CVAE, .npy")
    parser.add_argument("--cvae", type=Path, required=True, help="w^(0) with it")
    parser.add_argument("--behaviours", default="af-marl,myopic")
    parser.add_argument("--preset", default="default", choices=PRESETS)
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate of the clients")
    parser.add_argument("--train", type=int, default=300, help="seconds of federated training")
    parser.add_argument("--test", type=int, default=120, help="seconds after it to judge on")
    args = parser.parse_args()
    torch.set_num_threads(1)
    starts: Starts = {
        name: (Forecaster(0, cvae=name == "cvae"), torch.from_numpy(np.load(file)))
        for name, file in (("plain", args.plain), ("cvae", args.cvae))
    }
    for behaviour in args.behaviours.split(","):
        params = PRESETS[args.preset].params(seed=1, forecast="off")
        stage = behaviours([behaviour], params, 1)
        others = record(params, RecordedMobility(args.other), stage, args.test)[0]
        rows: dict[str, list[Skill]] = {}
        for trace in args.traces:
            found = one(trace, behaviour, starts, others, args)
            print(
                json.dumps({"trace": trace.stem, "behaviour": behaviour}
                | {name: dataclasses.astuple(each) for name, each in found.items()}),
                file=sys.stderr, flush=True,
            )  # fmt: skip
            for name, each in found.items():
                rows.setdefault(name, []).append(each)
        print(f"\n**{behaviour}**, n = {len(args.traces)} traces, {args.test} s each\n")
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
