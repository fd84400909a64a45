"""The engine's pace while AF-MARL is trained beside it, against its pace while it only acts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import ROOT
from engine.live import Live
from engine.mobility.city import static_json
from engine.mobility.recorded import RecordedMobility
from engine.publisher import Publisher
from engine.store import Store
from tests.benchmarks.conftest import Load

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
STAGE = ["af-marl", "non-drl", "tolled"]
ROUNDS, WINDOW_S, READY_S = 6, 5.0, 120.0
#: Least share of the pace that is left while it trains.
LEAST = 0.8


class Engine:
    """The live loop on recorded traffic, stepped from here."""

    def __init__(self, folder: Path, speed: int) -> None:
        self.store = Store(folder)
        self.store.request({"stage": STAGE, "speed": speed, "params": {"start": "scratch"}})
        self._publisher = Publisher(folder)
        self._live = Live(
            self._publisher,
            lambda _: RecordedMobility(ROOT / "tests" / "data" / "sumo_200.npz", loop=True),
            lambda: static_json(None),
        )

    def train(self, is_on: bool) -> None:
        """Switch training, and wait until the learner is at work."""
        self.store.request({"params": {"train": is_on}})
        self._live._turn()
        learnt, give_up = self.learning["learnt"], time.monotonic() + READY_S
        while is_on and self.learning["learnt"] == learnt:
            assert time.monotonic() < give_up, self.learning
            self._live._turn()

    @property
    def learning(self) -> dict:
        return self._live._session.comparison.learning()["af-marl"]

    def window(self) -> tuple[float, float]:
        """Steps a second, and a second of this process's processor time."""
        first, begun, used = self._live._session.next_step, time.perf_counter(), time.process_time()
        while time.perf_counter() < begun + WINDOW_S:
            self._live._turn()
        steps = self._live._session.next_step - first
        return steps / (time.perf_counter() - begun), steps / (time.process_time() - used)

    def close(self) -> None:
        self._live.close()
        self._publisher.close()
        self.store.close()


@pytest.fixture
def engine(tmp_path: Path, speed: int) -> Iterator[Engine]:
    engine = Engine(tmp_path / "store", speed)
    yield engine
    engine.close()


@pytest.mark.parametrize("speed", [10, 0], ids=["ten a second", "full speed"])
def test_training_takes_little_of_the_pace(engine: Engine, speed: int, load: Load, say) -> None:
    paces: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    engine.train(True)
    load = Load()
    learnt, dropped = engine.learning["learnt"], engine.learning["dropped"]
    for turn in range(ROUNDS):
        for is_on in (turn % 2 == 0, turn % 2 == 1):
            engine.train(is_on)
            paces[is_on].append(engine.window())
    wall, cpu = (
        {is_on: np.array([pace[kind] for pace in all_]) for is_on, all_ in paces.items()}
        for kind in (0, 1)
    )
    ratio = float(np.median(wall[True] / wall[False]))
    alone = float(np.median(cpu[True] / cpu[False]))
    learnt, dropped = engine.learning["learnt"] - learnt, engine.learning["dropped"] - dropped
    say(
        f"speed {speed or 'max'}: {np.median(wall[False]):.1f} steps/s without, "
        f"{np.median(wall[True]):.1f} with training, ratio {ratio:.2f} (at least {LEAST}), by the "
        f"engine's CPU time {alone:.2f}; learnt from {learnt} steps, {dropped} dropped; others "
        f"used {load.foreign:.2f} cores"
    )
    assert learnt > 0
    load.judge(ratio=(ratio if load.is_free else max(ratio, alone)) >= LEAST)
