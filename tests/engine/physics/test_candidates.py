"""Candidates settled together are what the engine makes of each alone."""

import dataclasses

import numpy as np
import pytest

from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics.candidates import Stage, settle_batch, work_of
from engine.physics.offloading import Overhead, Parts
from engine.physics.settle import Plan, settle
from engine.world import World


def stage_of(seed=0, down=(), **about):
    params = Params.parse({"vehicles": 150, **about})
    world = World(SyntheticMobility(seed), params)
    for _ in range(3):
        scene = world.step(params, frozenset(down))
    work = work_of(scene, scene.battery_j)
    rng = np.random.default_rng(seed)
    k = len(work.row)
    return Stage(
        work=work,
        rsus=scene.rsus,
        free_s=rng.uniform(0.0, 0.4, (20, scene.rsus.cores)),
        overhead=Overhead.of(params),
        live_mesh=params.mesh == "live",
        admission=params.admission,
        host_bps=rng.uniform(20e6, 50e6, k),
        host_hz=rng.uniform(1.5e9, 2.5e9, k),
    )


@pytest.mark.parametrize(
    "about",
    [{}, {"mesh": "live"}, {"admission": True}, {"rsu_cores": "2"}, {"down": range(0, 20, 3)}],
)
def test_every_row_is_what_settling_it_alone_gives(about):
    stage = stage_of(**about)
    k, rng = len(stage.work.row), np.random.default_rng(1)
    rho = rng.random((5, k)) * (rng.random((5, k)) > 0.3)
    away = rng.integers(0, 20, (5, k))
    target = np.where(rng.random((5, k)) < 0.3, away, stage.work.serving)
    guest = rng.random((5, k)) < 0.1
    target = np.where(guest, -1, target)
    together = settle_batch(stage, rho, target, guest)
    for b in range(5):
        alone = settle(
            stage.work,
            Plan(rho[b], target[b], guest[b], stage.host_bps, stage.host_hz),
            stage.rsus,
            stage.free_s,
            stage.overhead,
            live_mesh=stage.live_mesh,
            admission=stage.admission,
        )
        for field in dataclasses.fields(Parts):
            np.testing.assert_array_equal(
                getattr(together.parts, field.name)[b], getattr(alone.parts, field.name), field.name
            )
        np.testing.assert_array_equal(np.maximum(together.free_s[b] - 1.0, 0.0), alone.free_s)
