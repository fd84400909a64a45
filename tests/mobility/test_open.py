"""A source of motion is named by the user, and none stands in for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mobility import open_mobility
from engine.mobility.recorded import RecordedMobility
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params

DATA = Path(__file__).parents[1] / "data"


def test_synthetic_motion_takes_the_seed() -> None:
    mobility = open_mobility("synthetic", Params(seed=5))
    assert isinstance(mobility, SyntheticMobility)
    assert mobility.digest == SyntheticMobility(5).digest


def test_a_path_is_a_trace() -> None:
    mobility = open_mobility(str(DATA / "sumo_200.npz"), Params())
    assert isinstance(mobility, RecordedMobility)
    assert len(mobility.step(200).vehicle) == 200


@pytest.mark.parametrize("spec", ["", "SUMO", "libsumo", "trace.csv"])
def test_anything_else_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="choose sumo, synthetic or the path"):
        open_mobility(spec, Params())


def test_a_missing_trace_is_not_replaced() -> None:
    with pytest.raises(ValueError, match="There is no trace nowhere"):
        open_mobility("nowhere.npz", Params())
