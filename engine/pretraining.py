"""Samples of recorded traffic under several behaviours, to pre-train and to test the forecast.

`python -m engine.pretraining --out FOLDER default=TRACE.npz low=OTHER.npz ...` writes w^(0) of both
variants as flat float32 vectors, `forecast.cvae.npy` and `forecast.plain.npy`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine import schemes
from engine.environment import Arm
from engine.learning.forecast import Forecaster
from engine.learning.foresight import VARIANTS
from engine.learning.pretrain import pretrain
from engine.learning.recording import Recorded, Recording, together
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.physics.neighbours import match, nobody
from engine.presets import PRESETS
from engine.twins import VehicleTwins
from engine.types import Mobility, Scheme
from engine.world import World

#: What acts in the recordings: careless, selfish, careful, and what the forecast is for.
BEHAVIOURS: Final = ("random", "myopic", "tolled", "af-marl")
#: Samples kept of each recording, so that all fit into memory.
_KEPT: Final = 16_000


def record(
    params: Params, mobility: Mobility, stage: Sequence[Scheme], seconds: int
) -> list[Recorded]:
    """Let schemes act on the same scenes and keep what clients of each would have learnt from.

    Args:
        params: of the world; its seed is that of tasks and fading.
        mobility: the traffic; is closed at the end.
        stage: the behaviours, each in an arm of its own.
        seconds: of simulated time.

    Raises:
        MobilityLost: the traffic ended before.
    """
    world, twins = World(mobility, params), VehicleTwins()
    recordings = [Recording() for _ in stage]
    arms: list[Arm] = []
    try:
        for _ in range(seconds):
            scene = world.step(params)
            sight = twins.step(scene, float(params.sync_interval))
            helpers = nobody(len(scene.vehicle))
            if params.v2v:
                helpers = match(scene.position_m, scene.has_task, scene.fading_v2v)
            if not arms:
                arms = [Arm(str(i), scheme, scene.rsus) for i, scheme in enumerate(stage)]
            for arm, recording in zip(arms, recordings, strict=True):
                stepped = arm.step(scene, params, sight, helpers)
                recording.step(stepped.observation, stepped.outcome)
    finally:
        mobility.close()
    return [recording.samples() for recording in recordings]


def behaviours(names: Sequence[str], params: Params, seed: int) -> list[Scheme]:
    """The schemes of these names, each with a generator of its own; learned ones only act."""
    return [
        schemes.build(name, params, np.random.default_rng([seed, at]), None)
        for at, name in enumerate(names)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m engine.pretraining`."""
    parser = argparse.ArgumentParser(prog="python -m engine.pretraining", description=__doc__)
    parser.add_argument("traffic", nargs="+", metavar="PRESET=TRACE", help="a load and its trace")
    parser.add_argument("--out", type=Path, required=True, help="folder for both vectors")
    parser.add_argument("--seconds", type=int, default=200, help="of each trace (default 200)")
    parser.add_argument("--steps", type=int, default=1600, help="of Adam, each (default 1600)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    runs: list[Recorded] = []
    for at, text in enumerate(options.traffic):
        preset, _, trace = text.partition("=")
        if preset not in PRESETS or not Path(trace).is_file():
            parser.error(f"{text}: expected PRESET=TRACE, a preset's name and a recorded trace")
        params = PRESETS[preset].params(seed=options.seed + at, forecast="off")
        stage = behaviours(BEHAVIOURS, params, options.seed)
        runs += record(params, RecordedMobility(Path(trace)), stage, options.seconds)
        sys.stderr.write(f"recorded {text}\n")
    rng = np.random.default_rng(options.seed)
    rows = together([run.some(_KEPT, rng) for run in runs]).rows
    options.out.mkdir(parents=True, exist_ok=True)
    for cvae, name in VARIANTS.items():

        def tell(line: str, name: str = name) -> None:
            sys.stderr.write(f"{name}: {line}\n")

        model = pretrain(Forecaster(0, cvae=cvae), rows, options.steps, options.seed, tell)
        np.save(options.out / f"{name}.npy", model.numpy())
    return 0


if __name__ == "__main__":
    sys.exit(main())
