"""The options of `iov-twin serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine import policy_files
from engine.command_line import (
    PROG,
    Parser,
    add_parameter_options,
    add_policy_option,
    params_from_args,
    policies_from_args,
)
from engine.control import Control, ControlError, check_stage
from engine.params import ParameterError
from engine.stage import DEFAULT_STAGE, SCHEMES

PORT: Final = 8050


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What was asked for on the command line.

    Attributes:
        host, port: where to listen; a port of None is `PORT` or the next free one.
        browser: open a browser. store: folder of the store. share: others may look.
        mobility: `sumo`, `synthetic` or a trace file. control: what the engine begins with.
        policies: files that learned schemes start from.
    """

    host: str
    port: int | None
    browser: bool
    store: Path
    share: bool
    mobility: str
    control: Control
    policies: Mapping[str, Path] = field(default_factory=dict)


def default_store() -> Path:
    """Where the store lies unless told: this user's cache folder."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / PROG
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / PROG
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / PROG


def parse(arguments: Sequence[str]) -> ServeOptions:
    """The options in `arguments`; ends the program with status 2 when they make no sense."""
    parser = _parser()
    given = parser.parse_args(list(arguments))
    try:
        stage = check_stage(given.schemes.split(","))
        params = params_from_args(given)
        policies = {name: path.absolute() for name, path in policies_from_args(given).items()}
        policy_files.check(policies)
    except (ParameterError, ControlError) as error:
        parser.error(str(error))
    if given.mobility not in ("sumo", "synthetic") and not Path(given.mobility).is_file():
        parser.error(
            f"There is no trace {given.mobility}: record one, or choose sumo or synthetic."
        )
    if given.port is not None and not 0 <= given.port <= 65535:
        parser.error("A port is a number from 0 to 65535.")
    return ServeOptions(
        host=given.host or ("0.0.0.0" if given.share else "127.0.0.1"),
        port=given.port,
        browser=not given.no_browser,
        store=Path(given.store).expanduser().absolute(),
        share=given.share,
        mobility=_absolute(given.mobility),
        control=Control(params=params, stage=stage),
        policies=policies,
    )


def _absolute(mobility: str) -> str:
    return mobility if mobility in ("sumo", "synthetic") else str(Path(mobility).absolute())


def _parser() -> Parser:
    parser = Parser(
        prog=PROG,
        usage=f"{PROG} [serve] [options]\n"
        f"       {PROG} run|contest|export|record|train|doctor --help",
        description="The dashboard with its engine, in a browser.",
        epilog="Others: run (headless), contest (over seeds), export (results), record (a trace), "
        "train (a policy), doctor (checks).",
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1; others need --share)")
    parser.add_argument("--port", type=int, help=f"port to listen on ({PORT} or the next free one)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--store", default=default_store(), help="folder of the store (%(default)s)"
    )
    parser.add_argument(
        "--share", action="store_true", help="let others look; a one-time link lets you steer"
    )
    parser.add_argument(
        "--mobility", default="sumo", help="sumo, synthetic or TRACE.npz (%(default)s)"
    )
    parser.add_argument(
        "--schemes",
        default=",".join(DEFAULT_STAGE),
        help=f"on stage, of: {', '.join(SCHEMES)} (%(default)s)",
    )
    add_policy_option(parser)
    add_parameter_options(parser)
    return parser
