"""Five arms on stage at 200 vehicles: what they cost over one, and the pace that is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import ROOT
from engine.live import Live
from engine.mobility import open_mobility
from engine.mobility.city import static_json
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.publisher import Publisher
from engine.session import Session
from engine.stage import SCHEMES
from engine.store import Store
from tests.benchmarks.conftest import Load

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
PAPER = ("af-marl", "afl-maddpg", "sfl-ppo", "ddqn", "non-drl")
#: The paper's five, others in the place of those that there are not.
FIVE = [name for name in (*PAPER, "tolled", "myopic", "constant") if name in SCHEMES][:5]
VEHICLES, ROUNDS, STEPS = 200, 9, 20
#: Networks of the same size, whether or not a policy ships.
FRESH = {"vehicles": VEHICLES, "start": "scratch"}
WINDOWS, WINDOW_S, READY_S = 4, 5.0, 240.0
#: Least simulated seconds a second with training off and on.
LEAST = {False: 5.0, True: 1.0}


def test_five_arms_over_one(load: Load, say) -> None:
    stages = {"one": FIVE[:1], "five": FIVE} | {name: [name] for name in FIVE}
    sessions = {
        which: Session(
            Params(**FRESH),
            stage,
            RecordedMobility(ROOT / "tests" / "data" / f"sumo_{VEHICLES}.npz", loop=True),
        )
        for which, stage in stages.items()
    }
    wall_ms: dict[str, list[float]] = {which: [] for which in stages}
    cpu_ms: dict[str, list[float]] = {which: [] for which in stages}
    for round_ in range(ROUNDS):
        for which, session in sessions.items():
            begun, used = time.perf_counter(), time.process_time()
            for _ in range(STEPS):
                session.step()
            if round_:  # the first warms up
                wall_ms[which].append(1e3 * (time.perf_counter() - begun) / STEPS)
                cpu_ms[which].append(1e3 * (time.process_time() - used) / STEPS)
    for session in sessions.values():
        session.close()
    figures = wall_ms if load.is_free else cpu_ms
    ratio = float(np.median(np.array(figures["five"]) / np.array(figures["one"])))
    each = {which: float(np.median(ms)) for which, ms in figures.items()}
    say(
        f"{VEHICLES} vehicles: a step with five arms {each['five']:.1f} ms, with {FIVE[0]} alone "
        f"{each['one']:.1f} ms, ratio {ratio:.2f}; alone "
        f"{', '.join(f'{name} {each[name]:.1f}' for name in FIVE)} ms; others used "
        f"{load.foreign:.2f} cores"
    )
    # Scenes and twins are shared, so five cost no more than each of them alone, together.
    load.judge(shared=each["five"] <= 1.1 * sum(each[name] for name in FIVE))


class Engine:
    """The live loop on SUMO with five arms, stepped from here."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.store.request({"stage": FIVE, "speed": 0, "params": FRESH})
        self._publisher = Publisher(folder)
        self._live = Live(
            self._publisher, lambda params: open_mobility("sumo", params), lambda: static_json(None)
        )
        while self._live._latest is None or self.vehicles < VEHICLES:
            self._live._turn()

    def train(self, is_on: bool) -> None:
        """Switch training, and wait until every learner is at work."""
        self.store.request({"params": {"train": is_on}})
        self._live._turn()
        give_up = time.monotonic() + READY_S
        while is_on and min(self.learnt.values()) == 0:
            assert time.monotonic() < give_up, self._live._session.comparison.learning()
            self._live._turn()

    @property
    def vehicles(self) -> int:
        return len(self._live._latest.scene.vehicle)

    @property
    def learnt(self) -> dict[str, int]:
        """Steps that each learner has learnt from."""
        learning = self._live._session.comparison.learning()
        return {name: status["learnt"] for name, status in learning.items()}

    def window(self, speed: int = 0) -> tuple[float, int]:
        """Steps a second at that speed, and how many they were."""
        self.store.request({"speed": speed})
        self._live._turn()
        first, begun = self._live._session.next_step, time.perf_counter()
        while time.perf_counter() < begun + WINDOW_S:
            self._live._turn()
        steps = self._live._session.next_step - first
        return steps / (time.perf_counter() - begun), steps

    def close(self) -> None:
        self._live.close()
        self._publisher.close()
        self.store.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "store")
    yield engine
    engine.close()


@pytest.mark.sumo
@pytest.mark.parametrize("training", [False, True], ids=["training off", "training on"])
def test_five_arms_keep_the_pace(engine: Engine, training: bool, say) -> None:
    engine.train(training)
    load = Load()
    paces = [engine.window()[0] for _ in range(WINDOWS)]
    told = ""
    if training:
        engine.window(1)  # what waits for the learners from full speed is not counted
        before = engine.learnt
        steps = sum(engine.window(1)[1] for _ in range(WINDOWS))
        shares = {name: (after - before[name]) / steps for name, after in engine.learnt.items()}
        told = ", in real time they learn from " + ", ".join(
            f"{100 * share:.0f} % of the steps ({name})" for name, share in shares.items()
        )
    pace = float(np.median(paces))
    say(
        f"{', '.join(FIVE)} with training {'on' if training else 'off'}: {pace:.1f} times real "
        f"time (at least {LEAST[training]:g}){told}; others used {load.foreign:.2f} cores"
    )
    load.judge(pace=(pace if load.is_free else max(paces)) >= LEAST[training])
