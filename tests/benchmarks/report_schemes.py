"""The paper's schemes and the references over seeds: `report_schemes.py --out DIR`.

Plays a contest for each number of vehicles and each kind of ingredients (the references where
every scheme has its own; `best` at 200 vehicles), seed by seed: after an interrupt the same command
goes on. Prints Markdown: interquartile means and paired differences to AF-MARL, 95 % intervals.
`--ship` puts the results into `engine/results`, each with the one command that makes it.

Traffic is SUMO's own for each seed, or `--traces 'traces/*.npz'`, of which each contest takes those
of its number of vehicles in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import ROOT
from engine.cli import main as iov_twin
from engine.params import METAS
from engine.stage import SCHEMES
from engine.statistics import judge_all

PAPER = ("af-marl", "afl-maddpg", "sfl-ppo", "ddqn", "non-drl")
REFERENCES = ("myopic", "tolled", "constant", "local", "offload", "random")
#: The most vehicles at which `best` keeps within its time.
BEST_UP_TO = 200
KINDS = METAS["ingredients"].choices
HEADS = {
    "cost": ("cost", 3),
    "success_rate": ("success", 3),
    "delay_s": ("delay, s", 3),
    "energy_j": ("energy, J", 0),
}
MARKS = {"better": "", "worse": " (!)", "not enough evidence": " (?)"}


def stage(vehicles: int, kind: str) -> list[str]:
    """Who plays, of those there are."""
    references = () if kind == "equal" else (*REFERENCES, *("best",) * (vehicles <= BEST_UP_TO))
    return [name for name in (*PAPER, *references) if name in SCHEMES]


def play(file: Path, vehicles: int, kind: str, options: argparse.Namespace) -> None:
    """Play what is missing in the file; ends the program when that cannot be."""
    words = ["contest", "--schemes", ",".join(stage(vehicles, kind)), "--vehicles", str(vehicles)]
    words += ["--ingredients", kind]
    words += ["--seeds", str(options.seeds), "--first-seed", str(options.first_seed)]
    words += ["--steps", str(options.steps), "--skip", str(options.skip)]
    words += ["--mobility", options.traces or "sumo", "--out", str(file)]
    words += [word for each in options.set for word in (f"--{each.partition('=')[0]}",
                                                        each.partition("=")[2])]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        status = iov_twin([*words, *(["--resume"] if file.exists() else [])])
    if status:
        sys.exit(status)


def cell(value: float, interval: Sequence[float], digits: int, sign: str = "") -> str:
    low, high = (f"{end:{sign}.{digits}f}" for end in interval)
    return f"{value:{sign}.{digits}f} [{low}, {high}]"


def tables(contest: dict[str, Any]) -> str:
    """Interquartile means, and below them paired differences to the reference."""
    judged = judge_all(contest)
    reference = contest["reference"]
    lines = [
        f"| scheme | {' | '.join(name for name, _ in HEADS.values())} |",
        "|---" * (len(HEADS) + 1) + "|",
    ]
    for scheme in contest["schemes"]:
        cells = [
            cell(of["iqm"], of["interval"], digits)
            for metric, (_, digits) in HEADS.items()
            for of in [judged[metric]["schemes"][scheme]]
        ]
        lines.append(f"| `{scheme}` | {' | '.join(cells)} |")
    lines += ["", lines[0].replace("scheme", f"minus `{reference}`"), lines[1]]
    for scheme in contest["schemes"]:
        if scheme == reference:
            continue
        cells = [
            cell(pair["difference"], pair["interval"], digits, "+") + MARKS[pair["verdict"]]
            for metric, (_, digits) in HEADS.items()
            for pair in [judged[metric]["paired"][scheme]]
        ]
        lines.append(f"| `{scheme}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(file: Path, vehicles: int, kind: str) -> None:
    contest = json.loads(file.read_text("utf-8"))
    print(f"\n### {vehicles} vehicles, {kind} ingredients, {len(contest['seeds'])} seeds\n")
    print(tables(contest))
    cut = [share for share in contest["made"]["best_cut_short"] if share is not None]
    if cut:
        print(f"\n`best` ran out of its time in {100 * sum(cut) / len(cut):.1f} % of the seconds.")
    if contest["note"]:
        print(f"\n{contest['note']}")
    print(f"\n`{contest['made']['command']}`", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of what is played")
    parser.add_argument("--vehicles", type=int, nargs="+", default=[200, 500, 1500])
    parser.add_argument("--ingredients", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--skip", type=int, default=20)
    parser.add_argument("--traces", default="", help="recorded traffic, a pattern")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE")
    parser.add_argument("--ship", action="store_true", help="put the results into the package")
    options = parser.parse_args()
    print(
        "Interquartile means and paired differences with 95 % intervals over seeds; where a "
        "difference has no mark af-marl is better, (!) worse, (?) not enough evidence."
    )
    for vehicles in options.vehicles:
        for kind in options.ingredients:
            file = options.out / f"{vehicles}-vehicles-{kind}-ingredients.json"
            play(file, vehicles, kind, options)
            report(file, vehicles, kind)
            if options.ship:
                shutil.copy(file, ROOT / "engine" / "results" / file.name)


if __name__ == "__main__":
    main()
