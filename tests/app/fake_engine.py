"""A stand-in for `python -m engine`: vehicles on a random walk, for the page to show.

    python tests/app/fake_engine.py --store DIR --vehicles 200 --hertz 1

It follows the control (running, speed, stage, failed RSUs, training) and answers what is inspected,
with invented numbers throughout.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import wire
from engine.metrics import METRICS
from engine.params import Params
from engine.publisher import Publisher
from engine.types import Outcome, Rsus, Scene
from tests.app.fake_learning import FakeLearning

LEARNER = "af-marl"
SIDE, RSUS = 5000.0, 20
GRID = np.array([[x, y] for y in (625, 1875, 3125, 4375) for x in (500, 1500, 2500, 3500, 4500)])
#: What the inspector tells of the learned scheme's choice.
BELIEF = {
    "idle": 0.82, "mean_wait_s": 0.21, "crowd": 2.5, "toll": 0.05,
    "context": {"wait_s": 0.12, "success": 0.91}, "seat": 3, "learner": 7,
}  # fmt: skip


def city() -> bytes:
    """A grid of streets with lights where the wide ones meet."""
    lines = np.arange(0, SIDE + 1, 250)
    roads = []
    for index, at in enumerate(lines.tolist()):
        wide = index % 4 == 0
        for points in ([0, at, SIDE, at], [at, 0, at, SIDE]):
            roads.append({"width": 3 if wide else 1, "arterial": wide, "points": points})
    signals = [
        {"x": x, "y": y, "heading": heading, "program": 0, "link": link}
        for x in lines[4:-1:4].tolist()
        for y in lines[4:-1:4].tolist()
        for link, heading in enumerate((0.0, 1.5708))
    ]
    programs = [{"offset": 0, "durations": [30, 4, 30, 4], "states": ["Gr", "yr", "rG", "ry"]}]
    mesh = [[i, i + 1] for i in range(RSUS - 1) if i % 5 != 4] + [
        [i, i + 5] for i in range(RSUS - 5)
    ]
    rsus = [{"x": float(x), "y": float(y)} for x, y in GRID]
    about = {
        "side_m": SIDE, "roads": roads, "signals": signals, "programs": programs, "rsus": rsus,
        "mesh": mesh, "range_m": 1000.0, "attribution": "",
    }  # fmt: skip
    return json.dumps(about).encode()


class Walk:
    """Vehicles that drive along streets and turn at random.

    Each step one in 500 is replaced, and always those that have been there longest: whoever came
    last stays for minutes, so that a test can choose it and look on.
    """

    def __init__(self, vehicles: int, rng: np.random.Generator) -> None:
        self.rng, self.n, self.next_id = rng, vehicles, vehicles
        self.ids = np.arange(vehicles)
        self.at = np.rint(rng.uniform(0, SIDE, (vehicles, 2)) / 250) * 250
        self.axis = rng.integers(0, 2, vehicles)
        self.speed = rng.uniform(4, 16, vehicles) * rng.choice([-1, 1], vehicles)
        self.kind = rng.choice(3, vehicles, p=[0.8, 0.1, 0.1])

    def scene(self, step: int, dt: float, down: list[int]) -> Scene:
        """One step on, as the engine would have it."""
        rng, n = self.rng, self.n
        rows = np.arange(n)
        self.at[rows, self.axis] += self.speed * dt
        outside = (self.at < 0) | (self.at > SIDE)
        self.speed[outside.any(axis=1)] *= -1
        self.at = np.clip(self.at, 0, SIDE)
        fresh = np.zeros(n, bool)
        fresh[np.argsort(self.ids)[: rng.binomial(n, 0.002)]] = True
        self.ids[fresh] = np.arange(self.next_id, self.next_id + fresh.sum())
        self.next_id += int(fresh.sum())
        order = np.argsort(self.ids)
        velocity = np.zeros((n, 2))
        velocity[rows, self.axis] = self.speed
        distance = np.linalg.norm(self.at[:, None] - GRID[None], axis=2)
        up = np.ones(RSUS, bool)
        up[down] = False
        rsus = Rsus(
            GRID.astype(float), np.full(RSUS, 3e9), np.full(RSUS, 0.3), 1, np.full(RSUS, 1e8),
            np.full((RSUS, 4), -1), up, np.full(RSUS, 4e6),
        )  # fmt: skip
        serving = np.where(distance.min(axis=1) < 1000, distance.argmin(axis=1), -1)
        full = {
            "cpu_hz": 2e9, "battery_j": 9e5, "data_bits": 8e6, "cycles": 1e9, "deadline_s": 0.8,
            "phase_s": 0.0, "fading": 1.0, "fading_v2v": 1.0,
        }  # fmt: skip
        return Scene(
            step=step, t_s=float(step), vehicle=self.ids[order], slot=rows[order],
            fresh=fresh[order], kind=self.kind[order], position_m=self.at[order],
            velocity_mps=velocity[order], has_task=rng.random(n) < 0.5, distance_m=distance[order],
            serving=serving[order], rate_bps=np.zeros((n, RSUS)), rsus=rsus,
            **{name: np.full(n, value) for name, value in full.items()},
        )  # fmt: skip


def arm(scene: Scene, level: float, rng: np.random.Generator) -> tuple[wire.ArmView, np.ndarray]:
    """An invented outcome around `level`, and its metrics row."""
    n, task = len(scene.vehicle), scene.has_task
    zero, no = np.zeros(n), np.zeros(n, bool)
    rho = np.where(task & (scene.serving >= 0), rng.beta(2, 3, n), 0.0)
    cost = np.where(task, np.clip(rng.normal(level, 0.3, n), 0.1, 4), 0.0)
    parts = dict.fromkeys(
        (
            "toll", "t_local_s", "t_up_s", "t_hop_s", "wait_s", "t_comp_s", "t_down_s", "t_twin_s",
            "e_local_j", "e_radio_j", "e_comp_j", "e_twin_j",
        ),
        zero,
    )  # fmt: skip
    outcome = Outcome(
        rho=rho, target=np.where(rho > 0, scene.serving, -1), helper=np.full(n, -1), mandated=no,
        forwarded=task & (rng.random(n) < 0.1), rejected=no, delay_s=cost / 2, energy_j=cost * 5,
        price=rho * 0.3, cost=cost, success=task & (cost < 1.4), **parts,
    )  # fmt: skip
    load = np.bincount(scene.serving[rho > 0], minlength=RSUS).astype(float)
    view = wire.ArmView(outcome, np.full(n, 0.8), load * 0.05, load, scene.rsus.up)
    per_task = {
        "cost": cost, "success_rate": outcome.success, "delay_s": outcome.delay_s,
        "energy_j": outcome.energy_j, "price": outcome.price, "rho": rho,
    }  # fmt: skip
    means = {name: values[task].mean() for name, values in per_task.items()} | {"tasks": task.sum()}
    return view, np.array([means.get(name, 0.1) for name in METRICS], np.float32)


def explanation(key: str, scene: Scene, stage: list[str]) -> dict:
    """Invented content for the inspector."""
    curve = np.linspace(0, 1, 41)
    if key.startswith("r:"):
        index = int(key[2:])
        arms = {
            name: {
                "backlog_s": 0.2,
                "requests": 3,
                "mean_wait_s": 0.1,
                "served": [],
                "utilisation": 0.4,
            }
            for name in stage
        }
        x, y = GRID[index].tolist()
        return {
            "kind": "rsu", "rsu": index, "x": x, "y": y, "up": True, "cpu_ghz": 3.0, "cores": 1,
            "unit_price": 0.3, "battery_wh": None, "neighbours": [], "twin": {}, "arms": arms,
        }  # fmt: skip
    vehicle = int(key[2:])
    rows = np.flatnonzero(scene.vehicle == vehicle)
    if not len(rows):
        return {"kind": "vehicle", "vehicle": vehicle, "step": scene.step, "present": False}
    row = int(rows[0])
    x, y = scene.position_m[row].tolist()
    choice = {
        "rho": 0.4, "target": 3, "option": 1, "delay_s": 0.41, "energy_j": 6.0, "price": 0.12,
        "cost": 1.14, "success": True, "mandated": False, "forwarded": False, "rejected": False,
        "t_local_s": 0.3, "t_up_s": 0.1, "t_hop_s": 0.0, "wait_s": 0.05, "t_comp_s": 0.2,
        "t_down_s": 0.01, "t_twin_s": 0.02, "e_local_j": 4.0, "e_radio_j": 1.0, "e_comp_j": 1.0,
        "e_twin_j": 0.0,
    }  # fmt: skip
    options = [
        {"name": "local", "target": -1, "rho": [0.0], "cost": [1.4]},
        {
            "name": "RSU 3",
            "target": 3,
            "rho": curve.tolist(),
            "cost": (1 + (curve - 0.4) ** 2).tolist(),
        },
    ]
    one = {
        "options": options, "choice": choice, "hindsight": {"option": 1, "rho": 0.45, "cost": 1.1},
        "regret": 0.04,
        "equation": "Ω = t/T + E/E_max + price/P_max = 0.41/0.80 + 6/15 + 0.09/1 = 1.14",
    }  # fmt: skip
    step = {"task": True, "t_over_t": 0.6, "energy": 0.4, "success": True, "rho": 0.4}
    return {
        "kind": "vehicle", "vehicle": vehicle, "slot": int(scene.slot[row]), "row": row,
        "step": scene.step, "present": True, "type": ("car", "bus", "truck")[scene.kind[row]],
        "actual": {"x": x, "y": y, "speed_mps": 9.0, "heading_deg": 90.0},
        "twin": {"x": x - 9, "y": y, "age_s": 1.0, "cpu_ghz": 2.0, "rate_mbps": 80.0,
                 "battery_wh": 200.0, "battery_capacity_wh": 250.0, "vx": 9.0, "vy": 0.0,
                 "serving": 3},
        "history": [{"step_ago": 9 - i, **step} for i in range(10)],
        "task": {"data_mb": 1.0, "gcycles": 1.0, "deadline_s": 0.8, "phase_s": 0.1},
        "arms": {name: one | ({"belief": BELIEF} if name == LEARNER else {}) for name in stage},
    }  # fmt: skip


def main() -> None:
    """Publish until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--vehicles", type=int, default=200)
    parser.add_argument("--hertz", type=float, default=1.0)
    parser.add_argument("--mobility", default="synthetic")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    store = Publisher(options.store)
    rng = np.random.default_rng(0)
    walk, run = Walk(options.vehicles, rng), f"fake-{int(time.time())}"
    learning = FakeLearning(np.random.default_rng(1), RSUS)
    control = store.control()
    about = {"seed": 0, "params": Params().as_json(), "mobility": "fake"}
    store.begin_run(run, {**about, "stage": control["stage"]}, city())
    step, steps, due, reset = 0, control["steps"], time.monotonic(), control["reset"]
    while True:
        control = store.control()
        stage, speed = control["stage"], control["speed"] or 10
        trains = bool(control["params"]["train"]) and LEARNER in stage
        learner = {
            "state": "training" if trains else "off", "message": "", "policy": "shipped",
            "learnt": learning.told, "dropped": 0,
        }  # fmt: skip
        status = {
            "state": "running" if control["running"] else "paused", "message": "", "run": run,
            "segment": control["reset"] - reset, "step": step, "t_s": float(step), "stage": stage,
            "applied_version": control["version"], "pace": options.hertz * speed, "load_index": 0.7,
            "vehicles": walk.n, "params": control["params"], "pending": [], "notices": [],
            "learning": {LEARNER: learner} if LEARNER in stage else {}, "best_cut_short": 0.0,
            "pid": os.getpid(), "sumo_pid": None,
        }  # fmt: skip
        if not control["running"] and control["steps"] == steps:
            store.say(status)
            time.sleep(0.1)
            due = time.monotonic()
            continue
        steps = control["steps"]
        scene = walk.scene(step, 1.0 / options.hertz if options.hertz > 1 else 1.0, control["down"])
        drawn = [arm(scene, 0.8 + 0.1 * i, rng) for i in range(len(stage))]
        store.record(
            step, stage, np.array([values for _, values in drawn]).reshape(len(stage), len(METRICS))
        )
        if trains:
            store.learned([learning.entry(step)])
        store.explain({key: explanation(key, scene, stage) for key in store.watched()})
        frame = wire.stored_frame(
            scene, [view for (view, _), name in zip(drawn, stage, strict=True) if name != "bound"],
            seq=store.next_seq, written=time.time(), applied_version=control["version"], run=run,
            twin_age_s=1.0, twin_age_steps=np.ones(walk.n), radio_up=np.ones(RSUS, bool),
        )  # fmt: skip
        store.show(frame, status)
        step += 1
        due = max(due + 1.0 / (options.hertz * speed), time.monotonic() - 1.0)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
