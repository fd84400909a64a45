"""A contest: schemes on stage over several seeds, each seed with traffic and tasks of its own."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine import schemes
from engine.command_line import PROG
from engine.learning.start import POLICIES
from engine.manifest import checksum, commit, versions
from engine.metrics import task_means
from engine.mobility import fill
from engine.params import METAS, ParameterError, Params
from engine.session import Session
from engine.statistics import BETTER
from engine.training.traffic import traffic
from engine.types import MobilityLost

KIND: Final = "contest"
#: Whom the others are compared with where it plays; the first one named else.
REFERENCE: Final = "af-marl"
#: Traffic lost on so many seeds in a row will be lost on the others too.
_LOST_IN_A_ROW: Final = 2

#: Told the seconds done, of all seeds, after each of them.
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Who meets whom on what.

    Attributes:
        params: of every seed, but for the seed itself. schemes: who plays. seeds: on what.
        steps: seconds of each seed. skip: how many at its beginning do not count.
        mobility: `sumo`, `synthetic`, or traces: paths and patterns, comma-separated, which the
            seeds meet in turn.
        policies: files that learned schemes start from, by scheme.
    """

    params: Params
    schemes: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    skip: int
    mobility: str = "sumo"
    policies: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would count no second."""
        if not 0 <= self.skip < self.steps:
            raise ParameterError(
                f"--skip={self.skip} leaves nothing of {self.steps} steps: skip fewer."
            )

    @property
    def reference(self) -> str:
        """Whom the others are compared with."""
        return REFERENCE if REFERENCE in self.schemes else self.schemes[0]

    @property
    def source(self) -> str:
        """The mobility without folders, which are no business of whoever reads the results."""
        return ",".join(Path(part).name for part in self.mobility.split(","))

    def command(self, out: str) -> str:
        """The command that gives this contest, its results in a file of that name."""
        words = [PROG, "contest", "--schemes", ",".join(self.schemes)]
        words += ["--seeds", str(len(self.seeds)), "--first-seed", str(self.seeds[0])]
        words += ["--steps", str(self.steps), "--skip", str(self.skip), "--mobility", self.source]
        for name, meta in METAS.items():
            value = getattr(self.params, name)
            if value != meta.default and name not in ("seed", "train"):
                words += [meta.option, meta.text(value)]
        for name, path in self.policies.items():
            words += ["--policy", f"{name}={path.name}"]
        return shlex.join([*words, "--out", out])


@dataclass(frozen=True)
class Played:
    """What came of one seed.

    Attributes:
        values: means per task by scheme and metric; None where there was no task.
        traffic: digest of the motion. commit: of the program that played it.
        best_cut_short: share of the seconds in which `best` ran out of time; None without it.
    """

    values: Mapping[str, Mapping[str, float | None]]
    traffic: str
    commit: str | None
    best_cut_short: float | None


class Contest:
    """A plan and what has been played of it.

    Args:
        plan: what is to be played. out: name of the file that the results go to.

    Raises:
        ValueError: the mobility or a policy cannot be used, or a scheme has none; one sentence.
    """

    def __init__(self, plan: Plan, out: str = "contest.json") -> None:
        self._plan = plan
        self._traffic = traffic(plan.mobility, [plan.params], plan.steps)
        for name in plan.schemes:
            schemes.check_policy(name, plan.params, plan.policies.get(name))
        self._made = {
            "command": plan.command(out),
            "policies": {name: checksum(path) for name, path in _policies(plan).items()},
            "versions": versions(),
        }
        self._commit = commit()
        self._played: dict[int, Played] = {}
        #: Why seeds are missing, one sentence each.
        self.failed: dict[int, str] = {}

    @property
    def done(self) -> int:
        """Seeds played."""
        return len(self._played)

    def play(self, progress: Progress = lambda _: None) -> Iterator[int]:
        """Play the seeds that are missing, and give each when it is done.

        A seed whose traffic is lost is played once more, then left out; after two such in a row
        the others are left out too.
        """
        lost = 0
        for at, seed in enumerate(self._plan.seeds):
            if seed in self._played:
                continue
            try:
                self._played[seed] = self._twice(at, progress)
                lost = 0
            except MobilityLost as error:
                self.failed[seed] = str(error)
                lost += 1
            yield seed
            if lost == _LOST_IN_A_ROW:
                return

    def as_json(self) -> dict[str, Any]:
        """What is known, ready for JSON; `seeds` and all that is listed by seed hold those done."""
        plan = self._plan
        seeds = [seed for seed in plan.seeds if seed in self._played]
        played = [self._played[seed] for seed in seeds]
        parameters = plan.params.as_json()
        del parameters["seed"]
        commits = dict.fromkeys(one.commit for one in played) or {self._commit: None}
        return {
            "kind": KIND,
            "parameters": parameters,
            "ingredients": plan.params.ingredients,
            "schemes": list(plan.schemes),
            "reference": plan.reference,
            "seeds": seeds,
            "steps": plan.steps,
            "skip": plan.skip,
            "mobility": plan.source,
            "values": {
                scheme: {
                    metric: [one.values[scheme][metric] for one in played] for metric in BETTER
                }
                for scheme in plan.schemes
            },
            "failed": [{"seed": seed, "why": why} for seed, why in self.failed.items()],
            "note": _note(played),
            "made": {
                **self._made,
                "commit": ", ".join(str(one) for one in commits if one) or None,
                "traffic": [one.traffic for one in played],
                "best_cut_short": [one.best_cut_short for one in played],
            },
        }

    def resume(self, record: Mapping[str, Any]) -> None:
        """Take over what another one has played; seeds that are not of this plan are left out.

        Args:
            record: as `as_json` made it.

        Raises:
            ParameterError: it is of another plan, whatever its seeds.
        """
        ours = json.loads(json.dumps(self.as_json()))
        same = ("kind", "parameters", "schemes", "steps", "skip", "mobility")
        try:
            different = [name for name in same if record[name] != ours[name]]
            if record["made"]["policies"] != ours["made"]["policies"]:
                different.append("policies")
            if different:
                raise ParameterError(
                    f"The results so far are of another contest ({', '.join(different)} differ)."
                )
            self._played = _read(record, self._plan)
        except (KeyError, IndexError, TypeError):
            raise ParameterError("The results so far are no contest of this program.") from None

    def _twice(self, at: int, progress: Progress) -> Played:
        try:
            return self._once(at, progress)
        except MobilityLost:
            return self._once(at, progress)

    def _once(self, at: int, progress: Progress) -> Played:
        plan = self._plan
        params = replace(plan.params, seed=plan.seeds[at], train=False)
        rows, cut_short = [], []
        with contextlib.closing(self._traffic.open(0, at, params)) as mobility:
            if plan.mobility == "sumo":
                fill(mobility, params.target_vehicles(0.0))
            session = Session(params, plan.schemes, mobility, policies=plan.policies)
            with contextlib.closing(session):
                for step in range(plan.steps):
                    rows.append(session.step().rows)
                    cut_short.append(session.best_cut_short)
                    progress(at * plan.steps + step + 1)
        counted = np.array(rows)[plan.skip :]
        means = [task_means(counted[:, index]) for index in range(len(plan.schemes))]
        return Played(
            {
                scheme: {metric: mean[metric] for metric in BETTER}
                for scheme, mean in zip(plan.schemes, means, strict=True)
            },
            mobility.digest,
            self._commit,
            float(np.mean(cut_short[plan.skip :])) if "best" in plan.schemes else None,
        )


def _policies(plan: Plan) -> dict[str, Path]:
    """The files that learned schemes start from, by scheme."""
    found: dict[str, Path] = {}
    for name in plan.schemes:
        shipped = [] if plan.params.start == "scratch" else _shipped(name, plan.params)
        for path in (plan.policies.get(name), *shipped):
            if path is not None and path.exists():
                found.setdefault(name, path)
    return found


def _shipped(scheme: str, params: Params) -> list[Path]:
    """Where the package may have a policy for it, the likeliest first."""
    stem = scheme.replace("-", "_")
    endings = ("_equal", "") if params.ingredients == "equal" else ("",)
    return [POLICIES / f"{stem}{ending}.policy" for ending in endings]


def _note(played: Sequence[Played]) -> str:
    """What readers of the intervals must know besides; empty if nothing."""
    recordings = len({one.traffic for one in played})
    if recordings == len(played):
        return ""
    shared = "one recording" if recordings == 1 else f"{recordings} recordings"
    return (
        f"The {len(played)} seeds share {shared} of traffic: the intervals tell of tasks and "
        "fading, hardly of traffic."
    )


def _read(record: Mapping[str, Any], plan: Plan) -> dict[int, Played]:
    """What a record of that plan has of its seeds."""
    made, values = record["made"], record["values"]
    return {
        seed: Played(
            {
                scheme: {metric: values[scheme][metric][at] for metric in BETTER}
                for scheme in plan.schemes
            },
            made["traffic"][at],
            made["commit"],
            made["best_cut_short"][at],
        )
        for at, seed in enumerate(record["seeds"])
        if seed in plan.seeds
    }
