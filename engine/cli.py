"""The commands `run`, `record` and `doctor`, and the options that follow from the parameters."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from engine.control import check_stage
from engine.params import METAS, ParameterError, Params
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE, SCHEMES

PROG: Final = "iov-twin"
#: A day of simulated time and more; a bound against slips, not a limit of the model.
MAX_STEPS: Final = 1_000_000
_REPORT_S: Final = 0.5


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the page of usage; exit status 2."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """End the program because of bad input."""
        self.exit(2, f"{self.prog}: {message.rstrip('.')}.\n")


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
    """Add `run`, `record` and `doctor` to the sub-parsers of a parser.

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
    doctor = commands.add_parser(
        "doctor",
        help="check this machine and say what to do",
        description="Check SUMO, store, port, packages and browser; exit status 1 if one fails.",
    )
    doctor.add_argument("--store", type=Path, default=Path(), help="folder of the store (here)")
    doctor.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    doctor.add_argument("--port", type=int, default=8050, help="port to listen on (%(default)s)")
    _add_json(doctor)
    doctor.set_defaults(work=_doctor)


def add_parameter_options(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and an option for each parameter; `params_from_args` reads them."""
    parser.add_argument(
        "--preset", default="default", metavar="NAME", help=f"start from: {', '.join(PRESETS)}"
    )
    groups: dict[str, Any] = {}
    for meta in METAS.values():
        if meta.group not in groups:
            groups[meta.group] = parser.add_argument_group(meta.group)
        text = f"{meta.help}: {meta.allowed} (default {meta.text(meta.default)})"
        switch: dict[str, Any] = {"nargs": "?", "const": "on"} if meta.kind == "switch" else {}
        groups[meta.group].add_argument(
            meta.option,
            dest=meta.name,
            metavar="LOW:HIGH" if meta.kind == "range" else meta.symbol or "VALUE",
            help=text.replace("%", "%%"),
            **switch,
        )
        if meta.kind == "switch":
            groups[meta.group].add_argument(
                f"--no-{meta.option.removeprefix('--')}",
                dest=meta.name,
                action="store_const",
                const="off",
                help=f"the same as {meta.option} off",
            )


def add_policy_option(parser: argparse.ArgumentParser) -> None:
    """Add `--policy`; `policies_from_args` reads it."""
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="SCHEME=FILE",
        help="start a learned scheme from this policy, e.g. af-marl=mine.policy; repeatable",
    )


def policies_from_args(given: argparse.Namespace) -> dict[str, Path]:
    """Policy files by scheme; the files are not opened yet.

    Raises:
        ParameterError: not of the form SCHEME=FILE, or a scheme that there is not or is twice.
    """
    found: dict[str, Path] = {}
    for text in given.policy:
        name, _, file = text.partition("=")
        if not file:
            raise ParameterError(f"--policy {text[:40]!r} is not possible: write SCHEME=FILE.")
        if name not in SCHEMES:
            raise ParameterError(
                f"There is no scheme {name[:40]!r}: choose among {', '.join(SCHEMES)}."
            )
        if name in found:
            raise ParameterError(f"--policy is given twice for {name}: give it once.")
        found[name] = Path(file)
    return found


def params_from_args(given: argparse.Namespace) -> Params:
    """The parameters of a parsed command line.

    Raises:
        ParameterError: a value or the preset cannot be used, or two contradict each other.
    """
    raw = {name: value for name in METAS if (value := getattr(given, name)) is not None}
    if "vehicles" in raw and "density" in raw:
        raise ParameterError("--vehicles and --density both set the traffic: give one of them.")
    if given.preset not in PRESETS:
        raise ParameterError(
            f"There is no preset {given.preset[:40]!r}: choose among {', '.join(PRESETS)}."
        )
    return PRESETS[given.preset].params(**raw)


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
    _add_json(parser)
    add_parameter_options(parser)
    parser.set_defaults(work=lambda given: _run(parser, given))


def _add_record_options(parser: Parser) -> None:
    parser.add_argument("--steps", default="3600", help="seconds to record (default %(default)s)")
    parser.add_argument(
        "--warm-up", default="0", help="seconds before the recording starts (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="TRACE.npz", help="the trace")
    parser.add_argument("--force", action="store_true", help="replace a trace that is there")
    _add_json(parser)
    add_parameter_options(parser)
    parser.set_defaults(work=lambda given: _record(parser, given))


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _count(text: str, option: str, low: int) -> int:
    try:
        count = int(text) if len(text) < 20 else -1
    except ValueError:
        count = -1
    if not low <= count <= MAX_STEPS:
        raise ParameterError(
            f"{option}={text[:20]!r} is not possible: choose {low} to {MAX_STEPS}."
        )
    return count


def _run(parser: Parser, given: argparse.Namespace) -> int:
    from engine import runner, schemes  # noqa: PLC0415  --help and refusals need not wait for it
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        params = params_from_args(given)
        stage = check_stage(given.schemes.split(","))
        steps = _count(given.steps, "--steps", 1)
        policies = policies_from_args(given)
        for name, path in policies.items():
            if name not in stage:
                raise ParameterError(f"--policy is for {name}: add it to --schemes.")
            schemes.check_policy(name, params, path)
        _refuse_existing(runner.existing(given.out), given.force)
        given.out.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        mobility = open_mobility(given.mobility, params)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    except MobilityLost as error:
        return _failed(parser, str(error))
    progress = _Progress(steps)
    results = runner.run(params, stage, steps, mobility, given.mobility, progress, policies)
    progress.end()
    for sentence in results.troubles:
        print(f"{parser.prog}: {sentence}", file=sys.stderr)
    try:
        results.write(given.out)
    except OSError as error:
        return _failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    _report(given, {**results.summary(), "out": str(given.out)}, _table(results.summary()))
    if results.steps < steps:
        reason = results.ended or "Ended early."
        _failed(parser, f"{reason} {results.steps} of {steps} steps are kept in {given.out}.")
        return 1 if results.ended else 130
    return 0


def _record(parser: Parser, given: argparse.Namespace) -> int:
    from engine.mobility import open_mobility  # noqa: PLC0415
    from engine.mobility.recorded import record  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        params = params_from_args(given)
        steps = _count(given.steps, "--steps", 1)
        warm_up = _count(given.warm_up, "--warm-up", 0)
        if given.out.suffix != ".npz":
            raise ParameterError(f"{given.out} is no name of a trace: end it in .npz.")
        _refuse_existing([given.out] if given.out.exists() else [], given.force)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        mobility = open_mobility("sumo", params)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    except MobilityLost as error:
        return _failed(parser, str(error))
    progress = _Progress(steps + warm_up)
    try:
        trace = record(
            mobility, steps, params.target_vehicles, given.out,
            seed=params.seed, warm_up=warm_up, progress=lambda done, _: progress(done),
        )  # fmt: skip
    except MobilityLost as error:
        return _failed(parser, str(error))
    except OSError as error:
        return _failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    except KeyboardInterrupt:
        return _failed(parser, "Ended before the recording was complete; nothing is written.", 130)
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
    _report(given, about, f"{given.out}: {steps} steps, {about['bytes']} bytes")
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
    _report(given, {"ok": ok, "checks": found, "versions": versions()}, lines)
    return 0 if ok else 1


def _refuse_existing(found: Sequence[Path], force: bool) -> None:
    if found and not force:
        raise ParameterError(f"{found[0]} is there already: add --force to replace it.")


def _failed(parser: Parser, sentence: str, status: int = 1) -> int:
    print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return status


def _report(given: argparse.Namespace, content: dict[str, Any], text: str) -> None:
    print(json.dumps(content, allow_nan=False, ensure_ascii=False) if given.json else text)


def _table(summary: dict[str, Any]) -> str:
    shown = ("cost", "success_rate", "delay_s", "energy_j", "price", "tasks")
    lines = [f"{'scheme':12}" + "".join(f"{name:>14}" for name in shown)]
    for scheme, means in summary["schemes"].items():
        cells = ("-" if (value := means[name]) is None else f"{value:.5g}" for name in shown)
        lines.append(f"{scheme:12}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


class _Progress:
    """Tells steps done and time left on stderr: in place on a terminal, else in lines."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._began = time.monotonic()
        self._in_place = sys.stderr.isatty()
        self._every_s = _REPORT_S if self._in_place else 10 * _REPORT_S
        self._next = self._began + self._every_s
        self._shown = False

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every_s
        left_s = (now - self._began) * (self._steps - done) / done
        text = f"step {done} of {self._steps}, {_duration(left_s)} left"
        print(f"\r{text:60}" if self._in_place else text, end="", file=sys.stderr, flush=True)
        self._shown = True
        if not self._in_place:
            print(file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown and self._in_place:
            print(file=sys.stderr)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


if __name__ == "__main__":
    sys.exit(main())
