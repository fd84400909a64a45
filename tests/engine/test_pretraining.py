"""Recording under behaviours, and the command that makes the forecast's common start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.learning.forecast import Forecaster
from engine.learning.memory import WIDTH
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.pretraining import behaviours, main, record

TRACE = Path(__file__).parents[1] / "data" / "sumo_200.npz"


def test_behaviours_are_recorded_on_the_same_scenes() -> None:
    params = Params.parse({"vehicles": 40})
    stage = behaviours(["local", "offload"], params, 0)
    careful, careless = record(params, RecordedMobility(TRACE), stage, 6)
    assert careful.rows.shape == careless.rows.shape
    assert careful.rows.shape[1] == WIDTH
    assert careful.step.tolist() == careless.step.tolist()
    assert careful.step.max() == 4  # the last step's waits are not known
    assert not careful.rows[:, -5].any()
    assert careless.rows[:, -5].any()
    assert careless.since(2).step.min() == 2
    assert len(careless.some(7, np.random.default_rng(0)).rows) == 7


def test_the_command_writes_both_variants(tmp_path) -> None:
    assert main([f"default={TRACE}", "--out", str(tmp_path), "--seconds", "3", "--steps", "4"]) == 0
    for name, cvae in (("forecast.cvae", True), ("forecast.plain", False)):
        start, made = Forecaster(0, cvae=cvae).start().numpy(), np.load(tmp_path / f"{name}.npy")
        assert made.shape == start.shape
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert not np.array_equal(made, start)


def test_bad_traffic_is_refused_in_one_sentence(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["nowhere=x.npz", "--out", str(tmp_path)])
    assert "nowhere=x.npz: expected PRESET=TRACE" in capsys.readouterr().err
