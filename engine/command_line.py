"""What commands share: the parser, options that follow from the parameters, and how they report."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from engine import policy_files
from engine.params import METAS, ParameterError, Params
from engine.presets import PRESETS, Preset

PROG: Final = "iov-twin"
#: A day of simulated time and more; a bound against slips, not a limit of the model.
MAX_STEPS: Final = 1_000_000
#: Seconds between two looks at a status line: on a terminal, and where lines stay.
_OFTEN_S: Final = 0.5
_RARELY_S: Final = 5.0


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the page of usage; exit status 2."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """End the program because of bad input."""
        self.exit(2, f"{self.prog}: {message.rstrip('.')}.\n")


def add_parameter_options(parser: argparse.ArgumentParser) -> None:
    """Add `--preset` and an option for each parameter; `params_from_args` reads them."""
    parser.add_argument(
        "--preset", default="default", metavar="NAME", help=f"start from: {', '.join(PRESETS)}"
    )
    add_parameters(parser)


def add_parameters(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Add an option for each parameter but those `without`; `given_parameters` reads them."""
    groups: dict[str, Any] = {}
    for meta in METAS.values():
        if meta.name in without:
            continue
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
    return policy_files.parse(given.policy)


def given_parameters(given: argparse.Namespace) -> dict[str, str]:
    """What was said of parameters, unread.

    Raises:
        ParameterError: two of them contradict each other.
    """
    raw = {name: value for name in METAS if (value := getattr(given, name, None)) is not None}
    if "vehicles" in raw and "density" in raw:
        raise ParameterError("--vehicles and --density both set the traffic: give one of them.")
    return raw


def params_from_args(given: argparse.Namespace) -> Params:
    """The parameters of a parsed command line.

    Raises:
        ParameterError: a value or the preset cannot be used, or two contradict each other.
    """
    return preset(given.preset).params(**given_parameters(given))


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        ParameterError: there is none.
    """
    if name not in PRESETS:
        raise ParameterError(
            f"There is no preset {name[:40]!r}: choose among {', '.join(PRESETS)}."
        )
    return PRESETS[name]


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`; `report` obeys it."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def count(text: str, option: str, low: int, high: int = MAX_STEPS) -> int:
    """The number that an option gives.

    Raises:
        ParameterError: it is none, below `low` or above `high`.
    """
    try:
        number = int(text) if len(text) < 20 else -1
    except ValueError:
        number = -1
    if not low <= number <= high:
        raise ParameterError(f"{option}={text[:20]!r} is not possible: choose {low} to {high}.")
    return number


def refuse_existing(found: Sequence[Path], force: bool) -> None:
    """Raise a ParameterError where results are there already, unless they may be replaced."""
    if found and not force:
        raise ParameterError(f"{found[0]} is there already: add --force to replace it.")


def failed(parser: Parser, sentence: str, status: int = 1) -> int:
    """Say why the command failed; gives its exit status."""
    print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return status


def report(given: argparse.Namespace, content: dict[str, Any], text: str) -> None:
    """Print the result: the content as JSON if asked for, else the text."""
    print(json.dumps(content, allow_nan=False, ensure_ascii=False) if given.json else text)


class StatusLine:
    """How far it is, on stderr: in place on a terminal, else now and then a line."""

    def __init__(self) -> None:
        self._in_place = sys.stderr.isatty()
        self._every_s = _OFTEN_S if self._in_place else _RARELY_S
        self._next = time.monotonic() + self._every_s
        self._shown = 0

    def due(self) -> bool:
        """Whether it is time to tell again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True

    def tell(self, text: str) -> None:
        """Write it, over what it said before where that can be."""
        if self._in_place:
            print(f"\r{text:{self._shown}}", end="", file=sys.stderr, flush=True)
            self._shown = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Other lines may follow."""
        if self._shown:
            print(f"\r{'':{self._shown}}\r", end="", file=sys.stderr, flush=True)
            self._shown = 0


def duration(seconds: float) -> str:
    """In words."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
