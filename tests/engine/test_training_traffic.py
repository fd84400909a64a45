"""Every load of a training meets the traces recorded for it, in turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.mobility.recorded import record
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.training.traffic import traffic

STEPS = 4
FEW, MANY = Params(vehicles=20), Params(vehicles=35)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traces")
    for vehicles, seed, steps in ((20, 1, 6), (20, 2, 6), (40, 3, 6), (90, 4, 2)):
        mobility = SyntheticMobility(seed)
        path = folder / f"n{vehicles}_s{seed}.npz"
        record(mobility, steps, lambda _, n=vehicles: n, path, seed=seed)
    return folder


def shown(found, load: int, lap: int, params: Params) -> np.ndarray:
    mobility = found.open(load, lap, params)
    position = mobility.step(params.target_vehicles(0.0)).position_m
    mobility.close()
    return position


def test_loads_meet_their_own_traces_in_turn(folder: Path) -> None:
    found = traffic(str(folder / "*.npz"), (FEW, MANY), STEPS)
    one, other, again = (shown(found, 0, lap, FEW) for lap in range(3))
    assert len(one) == len(other) == 20
    assert not np.array_equal(one, other)
    assert np.array_equal(one, again)
    assert found.recordings(0) == 2


def test_a_load_without_its_own_is_cut_from_the_next_larger(folder: Path) -> None:
    found = traffic(f"{folder}/n20_*.npz,{folder}/n40_s3.npz", (FEW, MANY), STEPS)
    assert len(shown(found, 1, 0, MANY)) == 35
    assert set(found.about()["traces"]) == {"n20_s1.npz", "n20_s2.npz", "n40_s3.npz"}


def test_what_no_trace_can_show_is_refused(folder: Path) -> None:
    for spec, load, steps, words in (
        (f"{folder}/n20_*.npz", MANY, STEPS, "record one with --vehicles 35"),
        (f"{folder}/n20_s1.npz", FEW, 7, "holds 6 seconds where 7 are wanted"),
        (f"{folder}/n*.npz", Params(vehicles=60), STEPS, "record a longer one"),
        (f"{folder}/nothing*.npz", FEW, STEPS, "No trace matches"),
        ("teleport", FEW, STEPS, "choose sumo, synthetic, or traces"),
        (f"{folder}/gone.npz", FEW, STEPS, "gone.npz"),
    ):
        with pytest.raises(ValueError, match=words):
            traffic(spec, (load,), steps)


def test_a_swinging_density_needs_its_peak(folder: Path) -> None:
    swinging = Params(density=(0.8, 1.2))  # 20 to 30 vehicles, over ten minutes
    assert swinging.target_vehicles(0.0) == 20
    assert len(traffic(f"{folder}/n20_s1.npz", (swinging,), STEPS).about()["traces"]) == 1
    with pytest.raises(ValueError, match="hold at most 20"):
        traffic(f"{folder}/n20_s1.npz", (swinging,), 300)


def test_traffic_made_on_the_spot_follows_the_episode_s_seed() -> None:
    found = traffic("synthetic", (FEW,), STEPS)
    one, same, other = (shown(found, 0, 0, Params(vehicles=20, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
