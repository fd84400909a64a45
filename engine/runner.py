"""Headless runs: deterministic from parameters, seed and mobility, results as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.control import Control
from engine.export import Run, as_json, metrics_table
from engine.fork_run import FORK_FILE, ForkPlan, ForkResults
from engine.manifest import checksum, manifest
from engine.metrics import METRICS, task_means
from engine.params import ParameterError, Params
from engine.session import Session
from engine.types import Floats, Mobility, MobilityLost

METRICS_FILE: Final = "metrics.parquet"
SUMMARY_FILE: Final = "summary.json"
MANIFEST_FILE: Final = "manifest.json"
_FILES: Final = (METRICS_FILE, SUMMARY_FILE, MANIFEST_FILE, FORK_FILE)
#: Of the summary; the others are in the metrics.
_SUMMARISED: Final = (
    "cost", "success_rate", "delay_s", "energy_j", "price", "tasks",
    "rho", "wait_s", "rejected", "forwarded", "toll",
)  # fmt: skip


class Results:
    """What a run has produced so far.

    Args:
        params, stage: of the run. mobility: what was asked for. digest: of the motion.
        policies: files that learned schemes started from.
    """

    def __init__(
        self,
        params: Params,
        stage: Sequence[str],
        mobility: str,
        digest: str,
        policies: Mapping[str, Path],
    ) -> None:
        self._params, self._stage = params, tuple(stage)
        self._mobility, self._digest = mobility, digest
        self._policies = {name: checksum(path) for name, path in policies.items()}
        self._rows: list[Floats] = []
        #: Why the run ended before its time, one sentence; empty if it did not or was interrupted.
        self.ended = ""
        #: Where learning went astray, one sentence each.
        self.troubles: list[str] = []
        #: What both futures have come to, where the run was forked.
        self.fork: ForkResults | None = None

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self._rows)

    def add(self, rows: Floats) -> None:
        """Append one step's metrics, (schemes, len(METRICS))."""
        self._rows.append(rows)

    @property
    def values(self) -> Floats:
        """All metrics, (steps, schemes, len(METRICS))."""
        return np.array(self._rows).reshape(-1, len(self._stage), len(METRICS))

    def summary(self) -> dict[str, Any]:
        """Means per task of each scheme over the run, with what it was run with."""
        values = self.values
        schemes = {}
        for index, name in enumerate(self._stage):
            means = task_means(values[:, index])
            schemes[name] = {metric: means[metric] for metric in _SUMMARISED}
        return {
            "schemes": schemes,
            "parameters": self._params.as_json(),
            "seed": self._params.seed,
            "steps": self.steps,
            **({"fork": self.fork.summary()} if self.fork is not None else {}),
        }

    def write(self, out: Path) -> None:
        """Write metrics, summary, manifest and fork into the folder `out`; raises OSError."""
        out.mkdir(parents=True, exist_ok=True)
        table = metrics_table(self._stage, self.values)
        table.to_parquet(out / METRICS_FILE, index=False)
        (out / SUMMARY_FILE).write_text(as_json(self.summary()), encoding="utf-8")
        (out / MANIFEST_FILE).write_text(as_json(self.manifest()), encoding="utf-8")
        (out / FORK_FILE).unlink(missing_ok=True)  # of the results that these replace
        if self.fork is not None:
            self.fork.write(out / FORK_FILE)

    def manifest(self) -> dict[str, Any]:
        """Where the results come from."""
        made = manifest(
            self._params, self._stage, self.steps, self._mobility, self._digest, self._policies
        )
        return made if self.fork is None else {**made, "fork": self.fork.about()}


def run(
    params: Params,
    stage: Sequence[str],
    steps: int,
    mobility: Mobility,
    source: str,
    progress: Callable[[int], None] | None = None,
    policies: Mapping[str, Path] | None = None,
    fork: ForkPlan | None = None,
) -> Results:
    """Simulate `steps` seconds; an interrupt or lost mobility ends it early, what is done is kept.

    Args:
        params: of the run.
        stage: scheme names.
        steps: how many.
        mobility: moves the vehicles; it is closed at the end.
        source: what was asked for as mobility, for the manifest.
        progress: told the steps done after each, those of a fork after all others.
        policies: files that learned schemes start from.
        fork: futures to play as well; the run does not feel it.

    Raises:
        ValueError: a name on stage is no scheme, or a policy cannot be used.
    """
    policies = policies or {}
    tell = progress or (lambda _: None)
    session = Session(params, stage, mobility, policies=policies)
    results = Results(params, stage, source, mobility.digest, policies)
    forked = ForkResults(fork) if fork is not None else None
    try:
        for _ in range(steps):
            if forked is not None:
                forked.see(session)
            results.add(session.step().rows)
            learnt = session.comparison.learnt()
            results.troubles += [f"{name}: {e.trouble}" for name, e in learnt if e.trouble]
            tell(results.steps)
        if forked is not None:
            forked.see(session)
    except KeyboardInterrupt:
        return results
    except MobilityLost as error:
        results.ended = str(error)
    finally:
        session.close()
    if forked is not None:
        forked.play(lambda done: tell(results.steps + done))
        results.fork = forked
    return results


def replay(
    about: Mapping[str, Any],
    changes: Sequence[Mapping[str, Any]],
    steps: int,
    open_mobility: Callable[[Params], Mobility],
) -> Iterator[tuple[int, tuple[str, ...], Floats]]:
    """Simulate a recorded run again from its seed and its log of changes.

    Args:
        about: the run as the store has it.
        changes: its log.
        steps: how many to simulate.
        open_mobility: the source of motion of the run, for its parameters.

    Yields:
        Number, stage and metrics (schemes, len(METRICS)) of each step.
    """
    start = Control.from_json({name: about[name] for name in ("params", "stage", "down")})
    session = Session(start.params, start.stage, open_mobility(start.params), start.down)
    waiting = list(changes)
    try:
        while session.next_step < steps:
            while waiting and waiting[0]["step"] <= session.next_step:
                change = waiting.pop(0)
                lost = change["segment"] > session.segment
                session.replay(change, open_mobility(session.params) if lost else None)
            stepped = session.step()
            yield stepped.scene.step, session.stage, stepped.rows
    finally:
        session.close()


def existing(out: Path) -> list[Path]:
    """Results already in the folder `out`."""
    return [p for name in _FILES if (p := out / name).exists()]


def read(out: Path) -> Run:
    """The manifest and metrics of the run in the folder `out`.

    Raises:
        ParameterError: there is no run, or it is damaged; one sentence.
    """
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    try:
        made = json.loads((out / MANIFEST_FILE).read_text(encoding="utf-8"))
        table = pd.read_parquet(out / METRICS_FILE)
        values = table[list(METRICS)].to_numpy(np.float64)
        shape = (made["steps"], len(made["schemes"]), len(METRICS))
        schemes = table["scheme"].tolist()
        if schemes != list(made["schemes"]) * made["steps"]:
            raise ParameterError(f"{out} is damaged: its manifest and metrics differ.")
        return made, values.reshape(shape)
    except FileNotFoundError as error:
        raise ParameterError(
            f"{out} holds no run of IoV Twin: {Path(error.filename).name} is missing."
        ) from None
    except (OSError, KeyError, TypeError, json.JSONDecodeError, pa.ArrowInvalid):
        raise ParameterError(f"{out} holds no run of IoV Twin that can be read.") from None
