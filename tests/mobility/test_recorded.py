"""Traces: what is recorded comes back, and what is no trace is refused in one sentence."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mobility import trace as traces
from engine.mobility.recorded import RecordedMobility, record
from engine.mobility.synthetic import SyntheticMobility
from engine.mobility.trace import Trace, TraceError
from engine.types import MobilityLost, Snapshot

DATA = Path(__file__).parents[1] / "data"


class Replayed:
    """A mobility that shows given snapshots."""

    digest = "given"

    def __init__(self, shots: list[Snapshot]) -> None:
        self._shots = iter(shots)

    def step(self, target_vehicles: int) -> Snapshot:
        return next(self._shots)

    def close(self) -> None: ...


def shot(t_s: float, vehicles: list[int], rng: np.random.Generator) -> Snapshot:
    n = len(vehicles)
    return Snapshot(
        t_s=t_s,
        vehicle=np.array(vehicles, np.int64),
        position_m=rng.uniform(0.0, 5000.0, (n, 2)),
        speed_mps=rng.uniform(0.0, 22.0, n),
        heading_rad=rng.uniform(-np.pi, np.pi, n),
        kind=np.array([v % 3 for v in vehicles], np.int64),
    )


def assert_same(now: Snapshot, then: Snapshot) -> None:
    assert now.t_s == then.t_s
    assert np.array_equal(now.vehicle, then.vehicle)
    assert np.array_equal(now.kind, then.kind)
    assert np.allclose(now.position_m, then.position_m, rtol=0, atol=0.0501)
    assert np.allclose(now.speed_mps, then.speed_mps, rtol=0, atol=0.0501)
    turned = (now.heading_rad - then.heading_rad + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turned).max(initial=0.0) <= np.pi / 256 + 1e-9


@given(
    present=st.lists(st.sets(st.integers(0, 6), max_size=7), min_size=1, max_size=8),
    seed=st.integers(0, 1000),
)
def test_a_trace_shows_again_whoever_was_there(
    present: list[set[int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    shots = [shot(7.0 + k, sorted(ids), rng) for k, ids in enumerate(present)]
    path = tmp_path_factory.mktemp("trace") / "t.npz"
    record(Replayed(shots), len(shots), lambda _: 7, path, seed=0)
    replay = RecordedMobility(path)
    for then in shots:
        assert_same(replay.step(100), then)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "synthetic.npz"
    record(SyntheticMobility(1), 20, lambda _: 30, path, seed=1, warm_up=5)
    return path


def test_the_warm_up_is_driven_and_not_recorded(path: Path) -> None:
    source = SyntheticMobility(1)
    for _ in range(5):
        source.step(30)
    replay = RecordedMobility(path)
    assert replay.steps == 20
    for _ in range(20):
        assert_same(replay.step(30), source.step(30))


def test_progress_and_target_are_told_each_step(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    record(
        SyntheticMobility(1),
        3,
        lambda t_s: 10 + int(t_s),
        tmp_path / "t.npz",
        seed=1,
        warm_up=1,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    replay = RecordedMobility(tmp_path / "t.npz")
    assert [len(replay.step(99).vehicle) for _ in range(3)] == [11, 12, 13]


def test_fewer_are_shown_by_leaving_out_the_highest_ids(path: Path) -> None:
    whole, part = RecordedMobility(path), RecordedMobility(path)
    for wanted in (30, 12, 12, 25, 0, 40):
        a, b = whole.step(30), part.step(wanted)
        assert b.vehicle.tolist() == a.vehicle.tolist()[:wanted]
        assert np.array_equal(b.position_m, a.position_m[:wanted])


def test_the_end_of_a_trace_is_said(path: Path) -> None:
    replay = RecordedMobility(path)
    for _ in range(20):
        replay.step(30)
    with pytest.raises(MobilityLost, match="ended after 20 steps"):
        replay.step(30)


def test_a_looped_trace_goes_on_with_new_vehicles(path: Path) -> None:
    replay = RecordedMobility(path, loop=True)
    first = [replay.step(30) for _ in range(20)]
    again = [replay.step(30) for _ in range(20)]
    assert again[0].t_s == first[-1].t_s + 1.0
    assert not set(first[0].vehicle) & set(again[0].vehicle)
    assert np.array_equal(again[7].position_m, first[7].position_m)


def test_the_digest_is_of_what_was_recorded(path: Path, tmp_path: Path) -> None:
    for seed, name in ((1, "same"), (2, "other")):
        mobility = SyntheticMobility(seed)
        record(mobility, 20, lambda _: 30, tmp_path / f"{name}.npz", seed=seed, warm_up=5)
    digest = RecordedMobility(path).digest
    assert RecordedMobility(tmp_path / "same.npz").digest == digest
    assert RecordedMobility(tmp_path / "other.npz").digest != digest


def test_a_source_that_ends_early_leaves_no_file(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "longer.npz"
    with pytest.raises(MobilityLost):
        record(RecordedMobility(path), 21, lambda _: 30, out, seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["synthetic.npz"]


@pytest.mark.parametrize(
    ("name", "vehicles", "steps"), [("sumo_200", 200, 300), ("sumo_1500", 1500, 60)]
)
def test_the_recorded_city_is_small_and_full(name: str, vehicles: int, steps: int) -> None:
    path = DATA / f"{name}.npz"
    assert path.stat().st_size < 2.5 * vehicles * steps
    replay = RecordedMobility(path)
    shots = [replay.step(vehicles) for _ in range(steps)]
    assert all(len(s.vehicle) == vehicles for s in shots)
    assert all(np.array_equal(s.vehicle, shots[0].vehicle) for s in shots)
    assert np.mean([s.speed_mps for s in shots]) > 6.0
    moved = np.linalg.norm(shots[1].position_m - shots[0].position_m, axis=1)
    assert np.abs(moved - shots[1].speed_mps).mean() < 0.5


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def described(path: Path, **changes: object) -> np.ndarray:
    meta = {**json.loads(arrays(path)["meta"].tobytes()), **changes}
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


def rewritten(path: Path, **changes: np.ndarray) -> None:
    np.savez_compressed(path, **{**arrays(path), **changes})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def huge_header(path: Path) -> None:
    """An array that claims 10^12 values and holds none."""
    with zipfile.ZipFile(path, "a") as archive:
        members = {e.filename: archive.read(e) for e in archive.infolist()}
    members["dx.npy"] = members["dx.npy"].replace(b"(600,)", b"(1000000000000,)")[:200]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "There is no trace"),
    "empty": (lambda p: p.write_bytes(b"") and None, "damaged or no trace"),
    "text": (lambda p: p.write_text("hello") and None, "damaged or no trace"),
    "cut": (cut, "damaged or no trace"),
    "flipped": (flip, "damaged"),
    "huge header": (huge_header, "damaged or no trace"),
    "pickle": (lambda p: rewritten(p, dx=np.array([{}, 1], object)), "damaged or no trace"),
    "other arrays": (lambda p: np.savez(p, a=np.zeros(3)), "is no mobility trace"),
    "extra array": (lambda p: rewritten(p, more=np.zeros(3)), "is no mobility trace"),
    "wide": (lambda p: rewritten(p, dx=arrays(p)["dx"].astype(np.int64)), "wrong form"),
    "square": (lambda p: rewritten(p, dx=arrays(p)["dx"].reshape(30, 20)), "wrong form"),
    "short": (lambda p: rewritten(p, dx=arrays(p)["dx"][1:]), "do not fit together"),
    "twice": (
        lambda p: rewritten(p, stretch_vehicle=np.zeros(30, np.uint32)),
        "do not fit together",
    ),
    "unordered": (
        lambda p: rewritten(p, stretch_vehicle=arrays(p)["stretch_vehicle"][::-1]),
        "do not fit together",
    ),
    "late": (
        lambda p: rewritten(p, stretch_first=np.full(30, 2, np.uint32)),
        "do not fit together",
    ),
    "kind": (lambda p: rewritten(p, stretch_kind=np.full(30, 3, np.uint8)), "do not fit together"),
    "outside": (lambda p: rewritten(p, dx=np.full(600, 60000, np.uint16)), "outside the city"),
    "no json": (lambda p: rewritten(p, meta=np.zeros(9, np.uint8)), "description cannot be read"),
    "newer": (lambda p: rewritten(p, meta=described(p, version=2)), "trace format 2"),
    "foreign": (lambda p: rewritten(p, meta=described(p, format="x")), "is no mobility trace"),
    "endless": (lambda p: rewritten(p, meta=described(p, steps=10**12)), "makes no sense"),
    "wordy": (lambda p: rewritten(p, meta=described(p, steps="many")), "makes no sense"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_trace_is_refused_in_one_sentence(kind: str, path: Path) -> None:
    damage, words = DAMAGE[kind]
    damage(path)
    with pytest.raises(TraceError, match=words) as refused:
        RecordedMobility(path)
    assert "\n" not in str(refused.value)


def test_a_trace_too_large_to_unpack_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(TraceError, match="is too large"):
        RecordedMobility(path)


def test_a_trace_without_vehicles_can_be_played(tmp_path: Path) -> None:
    trace = record(SyntheticMobility(0), 3, lambda _: 0, tmp_path / "t.npz", seed=0)
    assert isinstance(trace, Trace)
    assert len(RecordedMobility(tmp_path / "t.npz").step(10).vehicle) == 0
