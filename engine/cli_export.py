"""The command `export`: results of `run` and `contest` in the forms of other tools."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.command_line import Parser, add_json, failed, refuse_existing, report
from engine.params import ParameterError

if TYPE_CHECKING:
    from engine.export import Run

#: The file of each form.
FILES: Final = {"csv": "metrics.csv", "parquet": "metrics.parquet", "marl-eval": "marl_eval.json"}
_MANIFEST: Final = "manifest.json"
_ABOUT: Final = """\
Write results in the forms of other tools, with a manifest.json that says where they come from:
folders of `run`, several of them as seeds side by side, or one file of `contest`."""


def add_export(commands: Any) -> None:
    """Add `export` to the sub-parsers of a parser."""
    parser = commands.add_parser(
        "export", help="write results as CSV, Parquet or for marl-eval", description=_ABOUT
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="folders of runs, or a contest"
    )
    parser.add_argument(
        "--to",
        default="csv,marl-eval",
        metavar="FORMS",
        help=f"comma-separated, of: {', '.join(FILES)} (default %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of exports")
    parser.add_argument("--force", action="store_true", help="replace exports that are there")
    add_json(parser)
    parser.set_defaults(work=lambda given: _export(parser, given))


def forms(text: str, option: str, known: Collection[str] = tuple(FILES)) -> tuple[str, ...]:
    """The forms that an option names; raises ParameterError where there is no such form."""
    for name in (wanted := text.split(",")):
        if name not in known:
            raise ParameterError(
                f"{option}={name[:40]!r} is not possible: choose among {', '.join(known)}."
            )
    return tuple(dict.fromkeys(wanted))


def run_files(runs: Sequence[Run], wanted: Collection[str]) -> dict[str, bytes]:
    """The content of each file of the forms wanted, by name; raises ExportError."""
    from engine import export  # noqa: PLC0415  --help and refusals need not wait for it

    make: dict[str, Callable[[], str | bytes]] = {
        "csv": lambda: export.run_csv(runs),
        "parquet": lambda: export.run_parquet(runs),
        "marl-eval": lambda: export.as_json(export.run_marl_eval(runs)),
    }
    return {FILES[form]: _bytes(make[form]()) for form in wanted}


def contest_files(contest: Mapping[str, Any], wanted: Collection[str]) -> dict[str, bytes]:
    """The content of each file of the forms wanted, by name; raises ExportError."""
    from engine import export  # noqa: PLC0415

    make: dict[str, Callable[[], str | bytes]] = {
        "csv": lambda: export.contest_csv(contest),
        "parquet": lambda: export.contest_parquet(contest),
        "marl-eval": lambda: export.as_json(export.contest_marl_eval(contest)),
    }
    return {FILES[form]: _bytes(make[form]()) for form in wanted}


def _export(parser: Parser, given: argparse.Namespace) -> int:
    try:
        wanted = forms(given.to, "--to")
        names = [*(FILES[form] for form in wanted), _MANIFEST]
        present = [path for name in names if (path := given.out / name).exists()]
        refuse_existing(present, given.force)
        files = _files(given.results, wanted)
    except ValueError as error:
        parser.error(str(error))
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (given.out / name).write_bytes(content)
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    written = [str(given.out / name) for name in files]
    report(given, {"out": str(given.out), "files": written}, "\n".join(written))
    return 0


def _files(results: Sequence[Path], wanted: Collection[str]) -> dict[str, bytes]:
    """The content of every file to write, by name.

    Raises:
        ValueError: the results are none, or have no such form; one sentence.
    """
    from engine import export, runner  # noqa: PLC0415

    if results[0].is_dir():
        runs = [runner.read(folder) for folder in results]
        made = [manifest for manifest, _ in runs]
        about = made[0] if len(made) == 1 else {"runs": made}
        files = run_files(runs, wanted)
    elif len(results) > 1:
        raise ParameterError("A contest is one file: name it alone, or folders of runs.")
    else:
        contest = _contest(results[0])
        about = export.contest_manifest(contest)
        files = contest_files(contest, wanted)
    return {**files, _MANIFEST: _bytes(export.as_json(about))}


def _contest(path: Path) -> dict[str, Any]:
    from engine import export  # noqa: PLC0415

    try:
        contest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if contest["kind"] == "contest":
            export.contest_table(contest)
            return contest
    except FileNotFoundError:
        raise ParameterError(f"There are no results {path}.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ParameterError(f"{path} holds no results of a contest, nor a run.")


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content
