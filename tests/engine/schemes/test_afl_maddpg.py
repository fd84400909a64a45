"""AFL-MADDPG's federation is asynchronous, whatever the parameter says to others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.comparison import Comparison
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.world import World

torch.set_num_threads(1)


@pytest.mark.parametrize("kind", ["own", "equal"])
def test_each_update_is_merged_as_it_arrives_and_the_staler_the_less(kind) -> None:
    wanted = Params.parse(
        {
            "vehicles": 200, "train": True, "start": "scratch", "forecast": "off", "task_rate": 1,
            "ingredients": kind, "aggregation": "sync",
        }
    )  # fmt: skip
    comparison, world = Comparison(("afl-maddpg",), wanted, 0), World(SyntheticMobility(0), wanted)
    for _ in range(24):
        comparison.step(world.step(wanted), wanted)
    merges = [each for _, learnt in comparison.learnt() for each in learnt.rounds]
    assert len(merges) > 50
    assert {(each.tier, each.fired, len(each.vehicle)) for each in merges} == {
        ("agents", "arrival", 1)
    }
    stale = np.array([each.staleness[0] for each in merges])
    weight = np.array([each.weight[0] for each in merges])
    order = np.argsort(stale, kind="stable")
    assert stale.max() > stale.min()
    assert (np.diff(weight[order]) <= 1e-12).all()
    assert weight.max() > weight.min() > 0.0
    assert [each.version for each in merges] == list(range(1, len(merges) + 1))
