"""The command `pretrain`: a policy to begin a training with, whose forecast knows the traffic."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.cli_train import LOADS, TRAFFIC
from engine.command_line import (
    PROG,
    Parser,
    StatusLine,
    add_json,
    add_parameters,
    count,
    failed,
    given_parameters,
    preset,
    refuse_existing,
    report,
)
from engine.params import METAS, ParameterError, Params
from engine.presets import PRESETS

if TYPE_CHECKING:
    from engine.training.beginning import Beginning

#: Decided by the command itself.
_DECIDED: Final = ("train", "start", "seed", "forecast", "cvae")
#: A sample is complete one second later.
_LEAST_SECONDS: Final = 2

_ABOUT: Final = """\
Make a policy to `train --from`: record what vehicles go through under random, myopic, tolled and
the shipped af-marl, on every preset and all its traffic, and train on it the models that AdFL
begins with, with the CVAE's latent and without. The agents in the policy are untrained.
Deterministic from its options and the shipped policy."""


def add_pretrain(commands: Any) -> None:
    """Add `pretrain` to the sub-parsers of a parser."""
    parser = commands.add_parser(
        "pretrain", help="pre-train AdFL's models, for train --from", description=_ABOUT
    )
    parser.add_argument("--mobility", default="sumo", metavar="SOURCE", help=TRAFFIC)
    parser.add_argument(
        "--presets",
        default=",".join(LOADS),
        metavar="NAMES",
        help=f"loads to record, comma-separated, of: {', '.join(PRESETS)} (default %(default)s); "
        "parameters below change each of them",
    )
    parser.add_argument(
        "--seconds", default="200", help="of each recording, simulated (default %(default)s)"
    )
    parser.add_argument(
        "--steps", default="1600", help="of Adam for each model (default %(default)s)"
    )
    parser.add_argument("--seed", default="0", help="of everything random (%(default)s)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="START.policy", help="the policy"
    )
    parser.add_argument("--force", action="store_true", help="replace a policy that is there")
    add_json(parser)
    add_parameters(parser, without=_DECIDED)
    parser.set_defaults(work=lambda given: _pretrain(parser, given))


def _pretrain(parser: Parser, given: argparse.Namespace) -> int:
    from engine.learning.checkpoint import CheckpointError, save_policy  # noqa: PLC0415  --help need not wait for torch
    from engine.manifest import checksum  # noqa: PLC0415
    from engine.types import MobilityLost  # noqa: PLC0415

    try:
        plan = _plan(given)
        _make_way(given.out, given.force)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{given.out} cannot be written ({error.strerror})")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = _Progress()
    try:
        about = _provenance(given, plan)
        rows = plan.samples(progress)
        policy = plan.policy(rows, progress)
        made = {**about, "samples": len(rows)}
        save_policy(given.out, {**policy.state(), "made": made})
    except ParameterError as error:
        parser.error(str(error))
    except (CheckpointError, MobilityLost) as error:
        return failed(parser, f"{error} Nothing is written.")
    except OSError as error:
        return failed(parser, f"{given.out} cannot be written ({error.strerror}).")
    except KeyboardInterrupt:
        return failed(parser, "Interrupted; nothing is written.", 130)
    finally:
        progress.end()
    content = {"out": str(given.out), "samples": len(rows), "sha256": checksum(given.out)}
    report(given, content, f"{given.out}: pre-trained on {len(rows)} samples")
    return 0


def _plan(given: argparse.Namespace) -> Beginning:
    """What is to be made.

    Raises:
        ValueError: an option cannot be used; one sentence.
    """
    from engine.learning.pretrain import RATES  # noqa: PLC0415
    from engine.training.beginning import Beginning  # noqa: PLC0415
    from engine.training.traffic import traffic  # noqa: PLC0415

    seconds = count(given.seconds, "--seconds", _LEAST_SECONDS)
    steps = count(given.steps, "--steps", len(RATES))
    seed = int(METAS["seed"].parse(given.seed))  # type: ignore[arg-type]
    names = tuple(given.presets.split(","))
    # The behaviours act without a forecast: there is none to act by yet.
    raw = {**given_parameters(given), "start": "shipped", "forecast": "off", "seed": seed}
    loads = tuple(Params.parse(raw, preset(name).params()) for name in names)
    found = traffic(given.mobility, loads, seconds)
    return Beginning(names, loads, seconds, steps, seed, found)


def _make_way(out: Path, force: bool) -> None:
    """See before the work that the policy can be written after it.

    Raises:
        ParameterError: it is no name of a policy, or something is there.
        OSError: its folder cannot be made or written to.
    """
    from engine.training.files import Files  # noqa: PLC0415

    policy = Files(out).policy
    refuse_existing([policy] if policy.exists() else [], force)
    policy.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(policy.parent, os.W_OK):
        raise PermissionError(None, "Permission denied")


def _provenance(given: argparse.Namespace, plan: Beginning) -> dict[str, Any]:
    """How the policy is made, for whoever wants to make it again."""
    from engine.manifest import commit, versions  # noqa: PLC0415

    words = [PROG, "pretrain", "--mobility", given.mobility, "--presets", given.presets]
    words += ["--seconds", str(plan.seconds), "--steps", str(plan.steps), "--seed", str(plan.seed)]
    for name, value in given_parameters(given).items():
        if name not in _DECIDED:
            words += [METAS[name].option, str(value)]
    return {
        "command": shlex.join(words),
        "plan": plan.as_json(),
        "versions": versions(),
        "commit": commit(),
    }


class _Progress:
    """Tells on stderr what is recorded and how far the training is."""

    def __init__(self) -> None:
        self._line = StatusLine()

    def recorded(self, recording: int, of: int, preset: str, second: int) -> None:
        """Say how far a recording is, now and then."""
        if self._line.due():
            self._line.tell(f"recording {recording + 1} of {of} ({preset}), second {second}")

    def trained(self, variant: str, step: int, of: int) -> None:
        """Say how far a variant is, now and then."""
        if self._line.due():
            self._line.tell(f"{variant}, step {step} of {of}")

    def loss(self, variant: str, text: str) -> None:
        """Say how far its losses have come."""
        self._line.end()
        print(f"{variant}: {text}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Other lines may follow."""
        self._line.end()
