"""The headless commands: `record` and `doctor` are here, the others in a file each."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli_contest import add_contest
from engine.cli_export import add_export
from engine.cli_pretrain import add_pretrain
from engine.cli_run import add_run
from engine.cli_train import add_train
from engine.command_line import (
    PROG,
    Parser,
    StepProgress,
    add_json,
    add_parameter_options,
    count,
    failed,
    params_from_args,
    refuse_existing,
    report,
)
from engine.params import ParameterError


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
    """Add every headless command to the sub-parsers of a parser.

    Each sets `work`, a function of the parsed arguments that returns the exit status.
    """
    add_run(commands)
    add_contest(commands)
    add_export(commands)
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
    progress = StepProgress(steps + warm_up)
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


if __name__ == "__main__":
    sys.exit(main())
