"""The options of `iov-twin serve`, one for each parameter of the schema among them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from engine.control import Control, ControlError, check_stage
from engine.params import METAS, ParameterError
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE

PORT: Final = 8050
_PROG: Final = "iov-twin"


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What was asked for on the command line.

    Attributes:
        host, port: where to listen; a port of None is `PORT` or the next free one.
        browser: open a browser. store: folder of the store. share: others may look.
        mobility: `sumo`, `synthetic` or a trace file. control: what the engine begins with.
    """

    host: str
    port: int | None
    browser: bool
    store: Path
    share: bool
    mobility: str
    control: Control


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence and exit status 2, without the page of usage."""
        self.exit(2, f"{self.prog}: {message} (--help lists what there is)\n")


def default_store() -> Path:
    """Where the store lies unless told: this user's cache folder."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / _PROG
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / _PROG
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _PROG


def parse(arguments: Sequence[str]) -> ServeOptions:
    """The options in `arguments`; ends the program with status 2 when they make no sense."""
    parser = _parser()
    given = parser.parse_args(list(arguments))
    raw = {name: getattr(given, name) for name in METAS if getattr(given, name) is not None}
    try:
        stage = check_stage(given.schemes.split(",")) if given.schemes else DEFAULT_STAGE
        params = PRESETS[given.preset].params(**raw)
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
        store=Path(given.store).expanduser(),
        share=given.share,
        mobility=given.mobility,
        control=Control(params=params, stage=stage),
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog=_PROG,
        usage=f"{_PROG} [serve] [options]\n       {_PROG} run|record|doctor --help",
        description="The dashboard with its engine, in a browser.",
        epilog="Other commands: run (headless), record (a mobility trace), doctor (checks).",
        allow_abbrev=False,
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
    parser.add_argument("--preset", default="default", choices=PRESETS, help="where to start from")
    parser.add_argument("--schemes", help=f"on stage, e.g. {','.join(DEFAULT_STAGE)}")
    parameters = parser.add_argument_group("parameters")
    for meta in METAS.values():
        text = f"{meta.help}: {meta.allowed} ({meta.text(meta.default)})".replace("%", "%%")
        parameters.add_argument(meta.option, dest=meta.name, metavar="VALUE", help=text)
    return parser
