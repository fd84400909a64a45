"""A stand-in for `python -m engine` that costs next to nothing: it repeats 60 s of real traffic.

Decisions and frames come from the real session, computed before the first frame is shown. In the
environment HERTZ says how many are shown a second, VEHICLES how many drive (200 or 1500), STAGE
which schemes decide. Pausing and parameters are ignored.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine import wire  # noqa: E402  found by the line above
from engine.mobility.city import static_json  # noqa: E402
from engine.mobility.recorded import RecordedMobility  # noqa: E402
from engine.params import Params  # noqa: E402
from engine.publisher import Publisher  # noqa: E402
from engine.session import Session  # noqa: E402

STAGE = tuple(os.environ.get("STAGE", "local,non-drl,tolled").split(","))
VEHICLES, STEPS = int(os.environ.get("VEHICLES", "1500")), 60


def main() -> None:
    """Publish until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--mobility")
    store = Publisher(parser.parse_args().store)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    params = Params(vehicles=VEHICLES)
    trace = RecordedMobility(ROOT / "tests" / "data" / f"sumo_{VEHICLES}.npz", loop=True)
    session = Session(params, STAGE, trace)
    steps = [session.step() for _ in range(STEPS)]
    run, control = f"feed-{os.getpid()}", store.control()
    about = {"seed": 0, "params": params.as_json(), "mobility": "feed", "stage": STAGE}
    store.begin_run(run, about, static_json(None))
    status = {
        "state": "running", "message": "", "run": run, "segment": 0, "stage": STAGE,
        "params": params.as_json(), "pending": [], "notices": [], "down": [], "load_index": 1.0,
        "vehicles": VEHICLES, "pid": os.getpid(), "sumo_pid": None, "best_cut_short": 0.0,
        "applied_version": control["version"], "speed": 1,
    }  # fmt: skip
    hertz = float(os.environ["HERTZ"])
    begun = time.monotonic()
    for step in range(10**9):
        stepped = steps[step % STEPS]
        arms = list(stepped.arms.values())
        views = [
            wire.ArmView(arm.outcome, arm.battery_fraction, arm.backlog_s, arm.requests, arm.up)
            for arm in arms
        ]
        store.record(step, STAGE, stepped.rows.astype(np.float32))
        frame = wire.stored_frame(
            dataclasses.replace(stepped.scene, step=step, t_s=float(step)), views,
            seq=store.next_seq, written=time.time(), applied_version=control["version"], run=run,
            twin_age_s=1.0, twin_age_steps=np.ones(VEHICLES), radio_up=np.ones(20, bool),
        )  # fmt: skip
        store.show(frame, {**status, "step": step, "t_s": float(step), "pace": hertz})
        time.sleep(max(0.0, begun + (step + 1) / hertz - time.monotonic()))


if __name__ == "__main__":
    main()
