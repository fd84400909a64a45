"""Binary layout of frames: what the engine writes, the server slices and the browser draws.

Little-endian throughout. A *stored* frame is a 64-byte header, the shared block, the ids, then one
block
per arm in the order of `Status.schemes`. A *sent* frame is the header, the shared block and one
arm's block
(`sent_frame` slices it without decoding), 12 bytes a vehicle: 18.4 KB at 1500 vehicles. A frame of
*several* arms (`several_frame`) is the header, the shared block, which arms follow, and their
blocks.

Header (64 bytes): magic `IOVF`, u16 version, u16 flags (bit 0: `best` cut short), u32 seq, u32
step,
f64 t_s, f64 written (Unix time), u32 applied_version, u32 run (crc32 of the run id), u16 n, u16 m,
u16 arms, u16 arm (index in a sent frame, 65534 in one of several arms, 65535 in a stored
one), u16 twin_age_ds, 14 bytes zero.

Shared block, n rows in columns: u16 slot[n], u16 x[n], u16 y[n] (position = value / 65535 x 5000
m),
u8 heading[n] (value / 256 turns, counter-clockwise from east), u8 info[n] (bits 0-1 kind, bit 2
fresh in
its slot, bit 3 outside coverage, bits 4-7 twin age in units of the sync interval, capped at 15).

Ids (stored frames only): u32 vehicle[n].

Which arms (frames of several arms only): u16 count, u16 index[count] of the blocks that follow.

Arm block: n rows in columns: u8 rho[n] (value / 255), u8 target[n] (RSU index; 254 a vehicle; 255
none),
u8 cost[n] (Omega x 50, capped), u8 state[n] (bit 0 has task, bit 1 success, bit 2 forwarded, bit 3
rejected,
bits 4-7 battery left in fifteenths); then m rows: u16 backlog_ms[m], u8 requests[m], u8 flags[m]
(bit 0 up, bit 1 radio up); then u16 pairs, u16 zero, and `pairs` times (u16 row, u16 helper row).
Each block is padded with zeros to a multiple of 4 bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.types import Bools, Floats, Outcome, Scene

MAGIC: Final = b"IOVF"
VERSION: Final = 1
HEADER: Final = struct.Struct("<4sHHIIddIIHHHHH14x")
STORED: Final = 0xFFFF
SEVERAL: Final = 0xFFFE
CITY_SIDE_M: Final = 5000.0
TARGET_VEHICLE: Final = 254
TARGET_NONE: Final = 255
_ARM_AT: Final = 46
assert HEADER.size == 64


@dataclass(frozen=True)
class ArmView:
    """What one arm adds to a frame.

    Attributes:
        outcome: this step's outcome. battery_fraction: left, (n,). backlog_s: W_m after the step,
            (M,).
        requests: sub-tasks that reached each RSU this step, (M,).
        up: the RSU computes, as it holds for this arm, (M,).
    """

    outcome: Outcome
    battery_fraction: Floats
    backlog_s: Floats
    requests: Floats
    up: Bools


@dataclass(frozen=True)
class Header:
    """The decoded header of a frame, see the module's text."""

    flags: int
    seq: int
    step: int
    t_s: float
    written: float
    applied_version: int
    run: int
    n: int
    m: int
    arms: int
    arm: int
    twin_age_ds: int


def run_code(run: str) -> int:
    """The u32 that stands for a run id in headers."""
    return zlib.crc32(run.encode())


def header(frame: bytes) -> Header:
    """Decode the header; raises ValueError when the bytes are no frame of this version."""
    if len(frame) < HEADER.size:
        raise ValueError(f"a frame has at least {HEADER.size} bytes, got {len(frame)}")
    magic, version, *rest = HEADER.unpack_from(frame)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"expected frame {MAGIC!r} version {VERSION}, got {magic!r} {version}")
    return Header(*rest)


def _pad(block: bytes) -> bytes:
    return block + b"\0" * (-len(block) % 4)


def _shared(scene: Scene, twin_age_steps: Floats) -> bytes:
    grid = np.clip(np.rint(scene.position_m * (65535.0 / CITY_SIDE_M)), 0, 65535).astype("<u2")
    turns = np.arctan2(scene.velocity_mps[:, 1], scene.velocity_mps[:, 0]) / (2 * np.pi)
    info = (
        scene.kind.astype(np.uint8)
        | (scene.fresh.astype(np.uint8) << 2)
        | ((scene.serving < 0).astype(np.uint8) << 3)
        | (np.clip(twin_age_steps, 0, 15).astype(np.uint8) << 4)
    )
    columns = (
        scene.slot.astype("<u2"),
        np.ascontiguousarray(grid[:, 0]),
        np.ascontiguousarray(grid[:, 1]),
        (np.rint(turns * 256.0).astype(np.int64) & 255).astype(np.uint8),
        info,
    )
    return _pad(b"".join(c.tobytes() for c in columns))


def _arms(scene: Scene, views: Sequence[ArmView], radio_up: Bools) -> Iterator[bytes]:
    """The arms' blocks; what is in columns is encoded for all arms at once, (arms, n)."""
    if not views:
        return
    outcomes = [view.outcome for view in views]
    rho, cost = (np.array([getattr(each, name) for each in outcomes]) for name in ("rho", "cost"))
    target, helper = (
        np.array([getattr(each, name) for each in outcomes]) for name in ("target", "helper")
    )
    success, forwarded, rejected = (
        np.array([getattr(each, name) for each in outcomes], np.uint8)
        for name in ("success", "forwarded", "rejected")
    )
    battery = np.array([view.battery_fraction for view in views])
    served = rho > 0
    guests = served & (helper >= 0)
    target = np.where(served & (target >= 0), target, TARGET_NONE)
    target[guests] = TARGET_VEHICLE
    fifteenths = np.rint(battery.clip(0, 1) * 15).astype(np.uint8)
    state = scene.has_task | (success << 1) | (forwarded << 2) | (rejected << 3) | (fifteenths << 4)
    fifties = np.rint(np.nan_to_num(cost, posinf=6.0) * 50).clip(0, 255)
    per_vehicle = np.array([np.rint(rho * 255), target, fifties, state]).astype(np.uint8)
    backlog_ms = np.rint(np.array([view.backlog_s for view in views]) * 1000).clip(0, 65535)
    requests = np.array([view.requests for view in views]).clip(0, 255).astype(np.uint8)
    rsu_flags = np.array([view.up for view in views], np.uint8) | (radio_up.astype(np.uint8) << 1)
    for arm, backlog in enumerate(backlog_ms.astype("<u2")):
        rows = np.flatnonzero(guests[arm])
        pairs = np.column_stack([rows, helper[arm, rows]]).astype("<u2")
        yield _pad(per_vehicle[:, arm].tobytes())
        yield _pad(backlog.tobytes() + requests[arm].tobytes() + rsu_flags[arm].tobytes())
        yield _pad(struct.pack("<HH", len(pairs), 0) + pairs.tobytes())


def stored_frame(
    scene: Scene,
    arms: Sequence[ArmView],
    *,
    seq: int,
    written: float,
    applied_version: int,
    run: str,
    twin_age_s: float,
    twin_age_steps: Floats,
    radio_up: Bools,
    best_cut_short: bool = False,
) -> bytes:
    """Encode one step.

    Args:
        scene: the step's scene.
        arms: one view per arm, in stage order.
        seq: counts frames of the store.
        written: Unix time in seconds.
        applied_version: of the control.
        run: run id.
        twin_age_s: age of the RSU twins.
        twin_age_steps: vehicle twins' ages in sync intervals, (n,).
        radio_up: RSU radios, (M,).
        best_cut_short: the reference `best` ran out of its budget.
    """
    n, m = len(scene.vehicle), len(scene.rsus.cpu_hz)
    head = HEADER.pack(
        MAGIC,
        VERSION,
        int(best_cut_short),
        seq,
        scene.step,
        scene.t_s,
        written,
        applied_version,
        run_code(run),
        n,
        m,
        len(arms),
        STORED,
        min(65535, round(twin_age_s * 10)),
    )
    ids = _pad(scene.vehicle.astype("<u4").tobytes())
    return b"".join((head, _shared(scene, twin_age_steps), ids, *_arms(scene, arms, radio_up)))


def _shared_size(n: int) -> int:
    return (8 * n + 3) // 4 * 4


def vehicle_ids(frame: bytes) -> np.ndarray:
    """Vehicle ids of a stored frame in row order, (n,) u32."""
    head = header(frame)
    return np.frombuffer(frame, "<u4", head.n, HEADER.size + _shared_size(head.n))


def slots(frame: bytes) -> np.ndarray:
    """Slots of a frame's vehicles in row order, (n,) u16."""
    head = header(frame)
    return np.frombuffer(frame, "<u2", head.n, HEADER.size)


def arm_block(frame: bytes, arm: int) -> bytes:
    """One arm's block of a stored frame; raises IndexError when there is no such arm."""
    head = header(frame)
    if not 0 <= arm < head.arms:
        raise IndexError(f"arm {arm}: the frame has {head.arms}")
    at = HEADER.size + _shared_size(head.n) + 4 * head.n
    for index in range(head.arms):
        end = at + (4 * head.n + 3) // 4 * 4 + (4 * head.m + 3) // 4 * 4
        pairs = struct.unpack_from("<H", frame, end)[0]
        end += 4 + 4 * pairs
        if index == arm:
            return frame[at:end]
        at = end
    raise IndexError(arm)


def sent_frame(frame: bytes, arm: int) -> bytes:
    """What a browser gets: header with the arm's index, shared block, that arm's block."""
    return _scene_part(frame, arm) + arm_block(frame, arm)


def several_frame(frame: bytes, arms: Sequence[int]) -> bytes:
    """What a browser gets that compares: header, shared block, `arms`, and the block of each."""
    which = _pad(struct.pack(f"<{1 + len(arms)}H", len(arms), *arms))
    return _scene_part(frame, SEVERAL) + which + b"".join(arm_block(frame, arm) for arm in arms)


def _scene_part(frame: bytes, arm: int) -> bytes:
    """Header with its `arm` set, and the shared block."""
    shared_end = HEADER.size + _shared_size(header(frame).n)
    head = bytearray(frame[: HEADER.size])
    struct.pack_into("<H", head, _ARM_AT, arm)
    return bytes(head) + frame[HEADER.size : shared_end]
