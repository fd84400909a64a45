"""The command `train`: a policy from episodes on recorded traffic, with checkpoints and a log."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.command_line import (
    PROG,
    Parser,
    StatusLine,
    add_json,
    add_parameters,
    count,
    duration,
    failed,
    given_parameters,
    preset,
    refuse_existing,
    report,
)
from engine.params import METAS, ParameterError, Params
from engine.presets import PRESETS

if TYPE_CHECKING:
    from engine.training.episodes import Plan
    from engine.training.files import Files
    from engine.training.journal import Episode

#: What episodes meet in turn, so that one policy meets scarce and ample servers.
LOADS: Final = ("low", "default", "dense-learning", "easy")
#: Decided by the command itself.
_DECIDED: Final = ("train", "start", "seed")

_ABOUT: Final = """\
Train a learned scheme headless, deterministic from its options, and write the policy FILE.policy
after every episode. Beside it, FILE.training/ holds the state to --resume from, training.jsonl
with a line for each episode, and curves for TensorBoard (tensorboard --logdir FILE.training)."""
#: What `--mobility` takes.
TRAFFIC: Final = """\
sumo, synthetic, or recorded traces: paths and quoted patterns, comma-separated, such as
'traces/*.npz'. Every preset meets the traces of its own number of vehicles in turn; where there
are none, those of the next larger number, cut to its own (default %(default)s)"""


def add_train(commands: Any) -> None:
    """Add `train` to the sub-parsers of a parser."""
    parser = commands.add_parser(
        "train", help="train a learned scheme and write its policy", description=_ABOUT
    )
    parser.add_argument("--scheme", default="af-marl", help="a learned scheme (%(default)s)")
    parser.add_argument("--episodes", required=True, metavar="N", help="how many, in all")
    parser.add_argument(
        "--episode-steps", default="300", metavar="STEPS", help="seconds of each (%(default)s)"
    )
    parser.add_argument(
        "--presets",
        default=",".join(LOADS),
        metavar="NAMES",
        help="loads that the episodes meet in turn, comma-separated, of: "
        f"{', '.join(PRESETS)} (default %(default)s); parameters below change each of them",
    )
    parser.add_argument("--mobility", default="sumo", metavar="SOURCE", help=TRAFFIC)
    parser.add_argument(
        "--from", dest="begin", type=Path, metavar="POLICY", help="begin with this policy's weights"
    )
    parser.add_argument("--seed", default="0", help="of everything random (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.policy", help="the policy")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--resume",
        action="store_true",
        help="go on where the same command was interrupted, to the same policy bit for bit; with "
        "more --episodes than before, go on from there",
    )
    known.add_argument("--force", action="store_true", help="replace a training that is there")
    add_json(parser)
    add_parameters(parser, without=_DECIDED)
    parser.set_defaults(work=lambda given: _train(parser, given))


def _train(parser: Parser, given: argparse.Namespace) -> int:
    from engine.learning.checkpoint import CheckpointError  # noqa: PLC0415
    from engine.training.episodes import open_student, train  # noqa: PLC0415  --help need not wait for torch
    from engine.training.files import Files  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        episodes = count(given.episodes, "--episodes", 1)
        files = Files(given.out)
        if given.begin and given.begin.resolve() == given.out.resolve():
            raise ParameterError("--from and --out are the same file: write to another one.")
        if not given.resume:
            refuse_existing(files.existing(), given.force)
        plan = _plan(given)
        student = open_student(plan)
    except ValueError as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = _Progress(episodes, plan.steps)
    try:
        about = _provenance(given, plan)
        done = train(plan, student, episodes, files, about, progress, resume=given.resume)
    except CheckpointError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    except MobilityLost as error:
        return failed(parser, f"{error} {_kept(files)}")
    except KeyboardInterrupt:
        return failed(parser, f"Interrupted. {_kept(files)}", 130)
    finally:
        progress.end()
    content = {
        "out": str(files.policy),
        "training": str(files.folder),
        "episodes": [one.as_json() for one in done],
    }
    report(given, content, f"{files.policy}: {len(done)} episodes; {_line(done[-1], len(done))}")
    return 0


def _plan(given: argparse.Namespace) -> Plan:
    """What is to be trained.

    Raises:
        ValueError: an option cannot be used; one sentence.
    """
    from engine.training.episodes import Plan  # noqa: PLC0415
    from engine.training.traffic import traffic  # noqa: PLC0415

    steps = count(given.episode_steps, "--episode-steps", 1)
    seed = int(METAS["seed"].parse(given.seed))  # type: ignore[arg-type]
    names = tuple(given.presets.split(","))
    raw = {**given_parameters(given), "train": True, "start": "scratch", "seed": seed}
    loads = tuple(Params.parse(raw, preset(name).params()) for name in names)
    found = traffic(given.mobility, loads, steps)
    return Plan(given.scheme, names, loads, steps, seed, found, given.begin)


def _provenance(given: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    """How the policy is made, for whoever wants to make it again."""
    from engine.manifest import commit, versions  # noqa: PLC0415

    words = [PROG, "train", "--scheme", plan.scheme, "--episodes", given.episodes]
    words += ["--episode-steps", str(plan.steps), "--presets", given.presets]
    words += ["--mobility", given.mobility, "--seed", str(plan.seed)]
    words += ["--from", given.begin.name] if given.begin else []
    for name, value in given_parameters(given).items():
        words += [METAS[name].option, str(value)] if name != "seed" else []
    return {
        "command": shlex.join(words),
        "plan": plan.as_json(),
        "versions": versions(),
        "commit": commit(),
    }


def _kept(files: Files) -> str:
    if not files.state.exists():
        return "Nothing was begun."
    kept = len(files.log.read_text(encoding="utf-8").splitlines()) if files.log.exists() else 0
    return f"{kept} episodes are kept in {files.folder}: add --resume to the same command to go on."


def _line(made: Episode, of: int) -> str:
    """An episode in one line."""
    cost = "-" if made.cost is None else f"{made.cost:.3f}"
    success = "-" if made.success_rate is None else f"{100.0 * made.success_rate:.1f} %"
    losses = ", ".join(f"{name} {value:.3g}" for name, value in made.losses.items())
    said = "".join(f"\n  {trouble}" for trouble in made.troubles)
    return (
        f"episode {made.episode + 1} of {of} ({made.preset}): cost {cost}, success {success}; "
        f"losses {losses or '-'}{said}"
    )


class _Progress:
    """Tells on stderr where training is, the time left, and what each episode was."""

    def __init__(self, episodes: int, steps: int) -> None:
        self._episodes, self._steps = episodes, steps
        self._line = StatusLine()
        self._first: tuple[int, float] | None = None

    def step(self, episode: int, step: int) -> None:
        """Say how far it is, now and then."""
        at = episode * self._steps + step + 1
        if self._first is None:
            self._first = at, time.monotonic()
        first, began = self._first
        if self._line.due() and at > first:
            each_s = (time.monotonic() - began) / (at - first)
            left = duration(each_s * (self._episodes * self._steps - at))
            where = f"episode {episode + 1} of {self._episodes}, step {step + 1} of {self._steps}"
            self._line.tell(f"{where}, {left} left")

    def episode(self, made: Episode) -> None:
        """Say what it was."""
        self._line.end()
        print(_line(made, self._episodes), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Other lines may follow."""
        self._line.end()
