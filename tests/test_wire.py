"""Frames: what is encoded is what a browser decodes, in the bytes the module's text promises."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from engine import wire
from engine.types import Outcome, Rsus, Scene


def scene_of(n: int, m: int = 20, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    rsus = Rsus(
        position_m=rng.uniform(0, 5000, (m, 2)),
        cpu_hz=np.full(m, 3e9),
        unit_price=np.full(m, 0.3),
        cores=1,
        mesh_rate_bps=np.full(m, 1e8),
        neighbours=np.full((m, 4), -1),
        up=rng.random(m) < 0.9,
        battery_j=np.full(m, 4e6),
    )
    return Scene(
        step=7,
        t_s=7.0,
        vehicle=np.sort(rng.choice(70_000, n, replace=False)),
        slot=rng.permutation(n),
        fresh=rng.random(n) < 0.1,
        kind=rng.integers(0, 3, n),
        position_m=rng.uniform(0, 5000, (n, 2)),
        velocity_mps=rng.normal(0, 8, (n, 2)),
        cpu_hz=np.full(n, 2e9),
        battery_j=np.full(n, 9e5),
        has_task=rng.random(n) < 0.5,
        data_bits=np.full(n, 8e6),
        cycles=np.full(n, 1e9),
        deadline_s=np.full(n, 0.7),
        phase_s=rng.random(n),
        fading=np.ones(n),
        fading_v2v=np.ones(n),
        distance_m=np.full((n, m), 500.0),
        serving=rng.integers(-1, m, n),
        rate_bps=np.full((n, m), 4e7),
        rsus=rsus,
    )


def outcome_of(scene: Scene, seed: int = 0) -> Outcome:
    rng = np.random.default_rng(seed)
    n = len(scene.slot)
    values = {name: rng.random(n) for name in Outcome.__dataclass_fields__}
    values |= {
        "target": rng.integers(0, 20, n),
        "helper": np.full(n, -1),
        "success": rng.random(n) < 0.5,
        "mandated": np.zeros(n, bool),
        "forwarded": rng.random(n) < 0.2,
        "rejected": rng.random(n) < 0.1,
        "cost": rng.uniform(0, 4, n),
    }
    values["helper"][:2] = [3, 4]
    return Outcome(**values)


def frame_of(scene, arms=2):
    views = [
        wire.ArmView(
            outcome_of(scene, a),
            battery_fraction=np.full(len(scene.slot), 0.5),
            backlog_s=np.full(20, 0.25),
            requests=np.full(20, 3.0),
            up=scene.rsus.up,
        )
        for a in range(arms)
    ]
    frame = wire.stored_frame(
        scene,
        views,
        seq=5,
        written=123.5,
        applied_version=9,
        run="r1",
        twin_age_s=1.0,
        twin_age_steps=np.ones(len(scene.slot)),
        radio_up=np.ones(20, bool),
    )
    return frame, views


@pytest.mark.parametrize("n", [1, 3, 200, 1500])
def test_sent_frame_carries_the_scene_and_the_arm(n):
    n = max(n, 5) if n > 1 else 5
    scene = scene_of(n)
    frame, views = frame_of(scene)
    sent = wire.sent_frame(frame, 1)
    head = wire.header(sent)
    assert (head.n, head.m, head.arm, head.seq, head.step, head.applied_version) == (
        n,
        20,
        1,
        5,
        7,
        9,
    )
    x = np.frombuffer(sent, "<u2", n, 64 + 2 * n) / 65535 * 5000
    assert np.abs(x - scene.position_m[:, 0]).max() < 0.04
    at = 64 + (8 * n + 3) // 4 * 4
    rho = np.frombuffer(sent, np.uint8, n, at) / 255
    assert np.abs(rho - views[1].outcome.rho).max() < 0.003
    assert np.array_equal(wire.vehicle_ids(frame), scene.vehicle)
    assert np.array_equal(wire.slots(sent), scene.slot)
    target = np.frombuffer(sent, np.uint8, n, at + n)
    assert (target[:2] == wire.TARGET_VEHICLE).all()
    pairs_at = at + (4 * n + 3) // 4 * 4 + 80
    assert struct.unpack_from("<HHHHHH", sent, pairs_at) == (2, 0, 0, 3, 1, 4)


def test_frame_of_1500_vehicles_is_under_20_kb():
    frame, _ = frame_of(scene_of(1500), arms=5)
    assert len(wire.sent_frame(frame, 4)) < 20_000


@pytest.mark.parametrize("bad", [b"", b"x" * 64, b"IOVF" + b"\xff" * 60])
def test_other_bytes_are_refused(bad):
    with pytest.raises(ValueError, match="frame"):
        wire.header(bad)


def test_there_is_no_third_arm():
    frame, _ = frame_of(scene_of(10))
    with pytest.raises(IndexError):
        wire.arm_block(frame, 2)


@pytest.mark.parametrize("arms", [(), (2,), (2, 0), (0, 1, 2)])
def test_a_frame_of_several_arms_has_the_scene_once_and_each_block(arms):
    n = 11
    frame, _ = frame_of(scene_of(n), arms=3)
    sent = wire.several_frame(frame, arms)
    assert wire.header(sent).arm == wire.SEVERAL
    shared = 64 + 8 * n
    assert sent[64:shared] == frame[64:shared]
    which = struct.unpack_from(f"<{1 + len(arms)}H", sent, shared)
    assert which == (len(arms), *arms)
    blocks = b"".join(wire.arm_block(frame, arm) for arm in arms)
    assert sent[-len(blocks) :] == blocks or not arms
    assert len(sent) == shared + (2 + 2 * len(arms) + 3) // 4 * 4 + len(blocks)
