"""The headless commands: `run`, `record`, `doctor` are here, the others in a file each."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli_fork import add_fork_options, fork_from_args, newcomers
from engine.cli_pretrain import add_pretrain
from engine.cli_train import add_train
from engine.command_line import (
    PROG,
    Parser,
    StatusLine,
    add_json,
    add_parameter_options,
    add_policy_option,
    count,
    duration,
    failed,
    params_from_args,
    policies_from_args,
    refuse_existing,
    report,
)
from engine.control import check_stage
from engine.params import ParameterError
from engine.stage import DEFAULT_STAGE, SCHEMES


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one of the commands; returns the exit status."""
    parser = Parser(prog=PROG, description="Headless commands of IoV Twin.")
    add_commands(parser.add_subparsers(dest="command", required=True, parser_class=Parser))
    given = parser.parse_args(arguments)
    try:
        return int(given.work(given))
    except BrokenPipeError:
        return 0


def add_commands(commands: Any) -> None:
    """Add `run`, `record`, `pretrain`, `train` and `doctor` to the sub-parsers of a parser.

    Each sets `work`, a function of the parsed arguments that returns the exit status.
    """
    run = commands.add_parser(
        "run",
        help="simulate without a page and write the results",
        description="Simulate without a page, deterministic from the seed, and write "
        "metrics.parquet, summary.json and manifest.json into a folder.",
    )
    _add_run_options(run)
    record = commands.add_parser(
        "record",
        help="record traffic into a trace",
        description="Record traffic from SUMO into a trace that --mobility replays.",
    )
    _add_record_options(record)
    add_pretrain(commands)
    add_train(commands)
    doctor = commands.add_parser(
        "doctor",
        help="check this machine and say what to do",
        description="Check SUMO, store, port, packages and browser; exit status 1 if one fails.",
    )
    doctor.add_argument("--store", type=Path, default=Path(), help="folder of the store (here)")
    doctor.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    doctor.add_argument("--port", type=int, default=8050, help="port to listen on (%(default)s)")
    add_json(doctor)
    doctor.set_defaults(work=_doctor)


def _add_run_options(parser: Parser) -> None:
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
    parser.add_argument("--force", action="store_true", help="replace results that are there")
    add_policy_option(parser)
    add_fork_options(parser)
    add_json(parser)
    add_parameter_options(parser)
    parser.set_defaults(work=lambda given: _run(parser, given))


def _add_record_options(parser: Parser) -> None:
    parser.add_argument("--steps", default="3600", help="seconds to record (default %(default)s)")
    parser.add_argument(
        "--warm-up", default="0", help="seconds before the recording starts (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="TRACE.npz", help="the trace")
    parser.add_argument("--force", action="store_true", help="replace a trace that is there")
    add_json(parser)
    add_parameter_options(parser)
    parser.set_defaults(work=lambda given: _record(parser, given))


def _run(parser: Parser, given: argparse.Namespace) -> int:
    from engine import runner, schemes  # noqa: PLC0415  --help and refusals need not wait for it
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        params = params_from_args(given)
        stage = check_stage(given.schemes.split(","))
        steps = count(given.steps, "--steps", 1)
        fork = fork_from_args(given, steps, stage)
        policies = policies_from_args(given)
        come = newcomers(fork)
        for name, path in policies.items():
            if name not in (*stage, *come):
                raise ParameterError(f"--policy is for {name}: add it to --schemes.")
            schemes.check_policy(name, params, path)
        for name in come:
            schemes.check_policy(name, params, policies.get(name))
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
    progress = _Progress(steps + (fork.steps if fork is not None else 0))
    results = runner.run(params, stage, steps, mobility, given.mobility, progress, policies, fork)
    progress.end()
    for sentence in results.troubles:
        print(f"{parser.prog}: {sentence}", file=sys.stderr)
    try:
        results.write(given.out)
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    report(given, {**results.summary(), "out": str(given.out)}, _table(results.summary()))
    if results.steps < steps:
        reason = results.ended or "Ended early."
        failed(parser, f"{reason} {results.steps} of {steps} steps are kept in {given.out}.")
        return 1 if results.ended else 130
    if fork is not None and results.fork is not None and results.fork.steps < fork.steps:
        reason = results.fork.ended or "Ended early."
        kept = f"{results.fork.steps} of {fork.steps} seconds of the fork are kept in {given.out}."
        return failed(parser, f"{reason} {kept}", 1 if results.fork.ended else 130)
    return 0


def _record(parser: Parser, given: argparse.Namespace) -> int:
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.mobility.recorded import record  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        params = params_from_args(given)
        steps = count(given.steps, "--steps", 1)
        warm_up = count(given.warm_up, "--warm-up", 0)
        if given.out.suffix != ".npz":
            raise ParameterError(f"{given.out} is no name of a trace: end it in .npz.")
        refuse_existing([given.out] if given.out.exists() else [], given.force)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        mobility = open_mobility("sumo", params)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    except MobilityLost as error:
        return failed(parser, str(error))
    progress = _Progress(steps + warm_up)
    try:
        trace = record(
            mobility, steps, params.target_vehicles, given.out,
            seed=params.seed, warm_up=warm_up, progress=lambda done, _: progress(done),
        )  # fmt: skip
    except MobilityLost as error:
        return failed(parser, str(error))
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    except KeyboardInterrupt:
        return failed(parser, "Ended before the recording was complete; nothing is written.", 130)
    finally:
        progress.end()
        mobility.close()
    about = {
        "out": str(given.out),
        "steps": steps,
        "seed": params.seed,
        "digest": trace.digest(),
        "bytes": given.out.stat().st_size,
    }
    report(given, about, f"{given.out}: {steps} steps, {about['bytes']} bytes")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from engine.doctor import examine  # noqa: PLC0415
    from engine.manifest import versions  # noqa: PLC0415

    checks = list(examine(given.store.expanduser(), given.host, given.port))
    ok = all(check.ok for check in checks if check.required)
    found = [
        {"name": c.name, "ok": c.ok, "required": c.required, "text": c.text} for c in checks
    ]  # fmt: skip
    lines = "\n".join(check.line for check in checks)
    report(given, {"ok": ok, "checks": found, "versions": versions()}, lines)
    return 0 if ok else 1


def _table(summary: dict[str, Any]) -> str:
    shown = ("cost", "success_rate", "delay_s", "energy_j", "price", "tasks")
    lines = [f"{'scheme':12}" + "".join(f"{name:>14}" for name in shown)]
    for scheme, means in summary["schemes"].items():
        cells = ("-" if (value := means[name]) is None else f"{value:.5g}" for name in shown)
        lines.append(f"{scheme:12}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


class _Progress:
    """Tells steps done and time left."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._began = time.monotonic()
        self._line = StatusLine()

    def __call__(self, done: int) -> None:
        if self._line.due():
            left_s = (time.monotonic() - self._began) * (self._steps - done) / done
            self._line.tell(f"step {done} of {self._steps}, {duration(left_s)} left")

    def end(self) -> None:
        self._line.end()


if __name__ == "__main__":
    sys.exit(main())
