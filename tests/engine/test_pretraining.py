"""Recording under behaviours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.learning.memory import WIDTH
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.pretraining import behaviours, record

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
