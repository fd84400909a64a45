"""The command `run`: simulate without a page and write the results."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.cli_export import FILES, forms, run_files
from engine.cli_fork import add_fork_options, fork_from_args, newcomers
from engine.command_line import (
    Parser,
    StepProgress,
    add_json,
    add_parameter_options,
    add_policy_option,
    count,
    failed,
    params_from_args,
    policies_from_args,
    refuse_existing,
    report,
)
from engine.control import check_stage
from engine.params import ParameterError, Params
from engine.stage import DEFAULT_STAGE, SCHEMES

if TYPE_CHECKING:
    from engine.fork_run import ForkPlan
    from engine.runner import Results

#: Forms that may be written besides; Parquet is written anyway.
_FORMS: Final = ("csv", "marl-eval")


def add_run(commands: Any) -> None:
    """Add `run` to the sub-parsers of a parser."""
    parser = commands.add_parser(
        "run",
        help="simulate without a page and write the results",
        description="Simulate without a page, deterministic from the seed, and write "
        "metrics.parquet, summary.json and manifest.json into a folder.",
    )
    parser.add_argument(
        "--schemes",
        default=",".join(DEFAULT_STAGE),
        help=f"comma-separated, of: {', '.join(SCHEMES)} (default %(default)s)",
    )
    parser.add_argument("--steps", default="300", help="simulated seconds (default %(default)s)")
    parser.add_argument(
        "--mobility", default="sumo", help="sumo, synthetic or TRACE.npz (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of results")
    parser.add_argument(
        "--export",
        metavar="FORMS",
        help=f"write besides, comma-separated, of: {', '.join(_FORMS)}",
    )
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    add_policy_option(parser)
    add_fork_options(parser)
    add_json(parser)
    add_parameter_options(parser)
    parser.set_defaults(work=lambda given: _run(parser, given))


def _run(parser: Parser, given: argparse.Namespace) -> int:
    from engine import runner  # noqa: PLC0415  --help and refusals need not wait for it
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        params = params_from_args(given)
        stage = check_stage(given.schemes.split(","))
        steps = count(given.steps, "--steps", 1)
        wanted = forms(given.export, "--export", _FORMS) if given.export is not None else ()
        fork = fork_from_args(given, steps, stage)
        policies = policies_from_args(given)
        _check_schemes((*stage, *newcomers(fork)), params, policies)
        refuse_existing(runner.existing(given.out), given.force)
        given.out.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        mobility = open_mobility(given.mobility, params)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    except MobilityLost as error:
        return failed(parser, str(error))
    progress = StepProgress(steps + (fork.steps if fork is not None else 0))
    try:
        results = runner.run(
            params, stage, steps, mobility, given.mobility, progress, policies, fork
        )
    except ValueError as error:  # a scheme that decides nonsense
        return failed(parser, f"{str(error).rstrip('.')}.")
    finally:
        progress.end()
    return _end(parser, given, results, steps, wanted, fork)


def _check_schemes(stage: Sequence[str], params: Params, policies: Mapping[str, Path]) -> None:
    """Refuse what could not be built, before anything else begins; raises ValueError."""
    from engine import schemes  # noqa: PLC0415

    for name in policies:
        if name not in stage:
            raise ParameterError(f"--policy is for {name}: add it to --schemes.")
    for name in stage:
        schemes.check_policy(name, params, policies.get(name))


def _end(
    parser: Parser,
    given: argparse.Namespace,
    results: Results,
    steps: int,
    wanted: Sequence[str],
    fork: ForkPlan | None,
) -> int:
    """Write and tell what came of it; gives the exit status."""
    for sentence in results.troubles:
        print(f"{parser.prog}: {sentence}", file=sys.stderr)
    try:
        for name in _FORMS:  # of results that these replace
            (given.out / FILES[name]).unlink(missing_ok=True)
        results.write(given.out)
        report(given, {**results.summary(), "out": str(given.out)}, _table(results.summary()))
        if results.steps:
            for name, content in run_files([(results.manifest(), results.values)], wanted).items():
                (given.out / name).write_bytes(content)
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    except ValueError as error:
        return failed(parser, str(error))
    if results.steps < steps:
        reason = results.ended or "Ended early."
        failed(parser, f"{reason} {results.steps} of {steps} steps are kept in {given.out}.")
        return 1 if results.ended else 130
    if fork is not None and results.fork is not None and results.fork.steps < fork.steps:
        reason = results.fork.ended or "Ended early."
        kept = f"{results.fork.steps} of {fork.steps} seconds of the fork are kept in {given.out}."
        return failed(parser, f"{reason} {kept}", 1 if results.fork.ended else 130)
    return 0


def _table(summary: dict[str, Any]) -> str:
    shown = ("cost", "success_rate", "delay_s", "energy_j", "price", "tasks")
    lines = [f"{'scheme':12}" + "".join(f"{name:>14}" for name in shown)]
    for scheme, means in summary["schemes"].items():
        cells = ("-" if (value := means[name]) is None else f"{value:.5g}" for name in shown)
        lines.append(f"{scheme:12}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)
