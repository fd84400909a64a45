"""The command `contest`: schemes over several seeds, with intervals, differences and verdicts."""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.command_line import (
    Parser,
    StatusLine,
    add_json,
    add_parameters,
    add_policy_option,
    count,
    duration,
    failed,
    given_parameters,
    policies_from_args,
    preset,
    refuse_existing,
    report,
)
from engine.contest_job import FIRST_SEED, SKIP
from engine.control import check_stage
from engine.params import METAS, ParameterError
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE, SCHEMES

if TYPE_CHECKING:
    from engine.contest import Contest, Plan

#: Decided by the command itself.
_DECIDED: Final = ("seed", "train")
_MOST_SEEDS: Final = 200
_ABOUT: Final = """\
Play schemes over several seeds, each seed with its own traffic, tasks and fading, the same for all
schemes, and say what that shows: means, interquartile means with 95 % intervals, paired differences
to af-marl (or the first scheme named), and whether they are evidence. Reproducible, but for `best`,
which may run out of the computing time it is given. The results are written after every seed."""
_MOBILITY: Final = """\
sumo, synthetic, or recorded traces: paths and quoted patterns, comma-separated, which the seeds
meet in turn (default %(default)s)"""


def add_contest(commands: Any) -> None:
    """Add `contest` to the sub-parsers of a parser."""
    parser = commands.add_parser(
        "contest", help="compare schemes over several seeds", description=_ABOUT
    )
    parser.add_argument(
        "--schemes",
        default=",".join(DEFAULT_STAGE),
        help=f"comma-separated, of: {', '.join(SCHEMES)} (default %(default)s)",
    )
    parser.add_argument("--seeds", default="10", metavar="N", help="how many (%(default)s)")
    parser.add_argument(
        "--first-seed", default=str(FIRST_SEED), metavar="SEED", help="others follow (%(default)s)"
    )
    parser.add_argument("--steps", default="120", help="simulated seconds of each (%(default)s)")
    parser.add_argument(
        "--skip", default=str(SKIP), help="seconds of them that do not count yet (%(default)s)"
    )
    parser.add_argument("--mobility", default="sumo", metavar="SOURCE", help=_MOBILITY)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.json", help="file of the results"
    )
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--resume", action="store_true", help="play the seeds that are missing in FILE.json"
    )
    known.add_argument("--force", action="store_true", help="replace results that are there")
    add_policy_option(parser)
    add_json(parser)
    parser.add_argument(
        "--preset", default="default", metavar="NAME", help=f"start from: {', '.join(PRESETS)}"
    )
    add_parameters(parser, without=_DECIDED)
    parser.set_defaults(work=lambda given: _contest(parser, given))


def _contest(parser: Parser, given: argparse.Namespace) -> int:
    from engine.contest import Contest  # noqa: PLC0415  --help and refusals need not wait for torch

    try:
        plan = _plan(given)
        if given.out.suffix != ".json":
            raise ParameterError(f"{given.out} is no name of results: end it in .json.")
        contest = Contest(plan, given.out.name)
        if given.resume:
            contest.resume(_read(given.out))
        else:
            refuse_existing([given.out] if given.out.exists() else [], given.force)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        write(given.out, contest.as_json())
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return _play(parser, given, contest, plan)


def _play(parser: Parser, given: argparse.Namespace, contest: Contest, plan: Plan) -> int:
    progress = _Progress(plan)
    interrupted = False
    try:
        try:
            for _ in contest.play(progress):
                write(given.out, contest.as_json())
        except KeyboardInterrupt:
            interrupted = True
            write(given.out, contest.as_json())
    except ValueError as error:  # a scheme's policy, or its decisions
        return failed(parser, str(error))
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    finally:
        progress.end()
    _report(given, contest.as_json())
    if contest.done == len(plan.seeds):
        return 0
    kept = f"{contest.done} of {len(plan.seeds)} seeds are kept in {given.out}"
    if interrupted:
        return failed(parser, f"Interrupted. {kept}: add --resume to go on.", 130)
    lost = "; ".join(f"seed {seed}: {why}" for seed, why in contest.failed.items())
    return failed(parser, f"{kept}. {lost}")


def _plan(given: argparse.Namespace) -> Plan:
    """What is to be played.

    Raises:
        ValueError: an option cannot be used; one sentence.
    """
    from engine.contest import Plan  # noqa: PLC0415

    params = preset(given.preset).params(**given_parameters(given))
    names = check_stage(given.schemes.split(","))
    policies = policies_from_args(given)
    for name in policies:
        if name not in names:
            raise ParameterError(f"--policy is for {name}: add it to --schemes.")
    seeds = count(given.seeds, "--seeds", 1, _MOST_SEEDS)
    first = count(given.first_seed, "--first-seed", 0, int(METAS["seed"].high) - seeds)
    return Plan(
        params=params,
        schemes=names,
        seeds=tuple(range(first, first + seeds)),
        steps=count(given.steps, "--steps", 1),
        skip=count(given.skip, "--skip", 0),
        mobility=given.mobility,
        policies=policies,
    )


def write(out: Path, contest: Mapping[str, Any]) -> None:
    """Write results, whole or not at all; raises OSError."""
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        text = json.dumps(contest, allow_nan=False, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _read(out: Path) -> Any:
    try:
        return json.loads(out.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"There are no results {out} to go on from.") from None
    except (ValueError, RecursionError):
        raise ParameterError(f"{out} holds no results of a contest.") from None


def _report(given: argparse.Namespace, contest: dict[str, Any]) -> None:
    from engine.contest_table import markdown  # noqa: PLC0415
    from engine.statistics import judge_all  # noqa: PLC0415

    content = {**contest, "judged": judge_all(contest), "out": str(given.out)}
    report(given, content, markdown(contest))


class _Progress:
    """Tells seeds and steps done, and the time left."""

    def __init__(self, plan: Plan) -> None:
        self._steps, self._seeds = plan.steps, len(plan.seeds)
        self._first: tuple[int, float] | None = None
        self._line = StatusLine()

    def __call__(self, done: int) -> None:
        """Say how far it is, now and then."""
        first, began = self._first = self._first or (done, time.monotonic())
        if self._line.due() and done > first:
            each_s = (time.monotonic() - began) / (done - first)
            left = duration(each_s * (self._steps * self._seeds - done))
            seed, step = divmod(done - 1, self._steps)
            where = f"seed {seed + 1} of {self._seeds}, step {step + 1} of {self._steps}"
            self._line.tell(f"{where}, {left} left")

    def end(self) -> None:
        """Other lines may follow."""
        self._line.end()
