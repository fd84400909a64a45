"""The files of a training: the policy to use, and beside it all that is needed to go on.

FILE.policy is small and for use; the folder FILE.training holds state, log and TensorBoard events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.learning.checkpoint import CheckpointError, load_policy, save_policy
from engine.params import ParameterError

_FOLDER: Final = ".training"
_EVENTS: Final = "events.out.tfevents.*"


@dataclass(frozen=True)
class Files:
    """Where things are; nothing is created before `begin` or `save`.

    Attributes:
        policy: the file of the policy.
    """

    policy: Path

    def __post_init__(self) -> None:
        """Check the name: any but that of a folder, of ours or there already."""
        if self.policy.suffix == _FOLDER:
            raise ParameterError(f"{self.policy} is no name of a policy: end it in .policy.")
        if self.policy.is_dir():
            raise ParameterError(f"{self.policy} is a folder: choose another name.")

    @property
    def folder(self) -> Path:
        """Of everything but the policy."""
        return self.policy.with_suffix(_FOLDER)

    @property
    def state(self) -> Path:
        """Learner with memory, plan and episodes."""
        return self.folder / "state.checkpoint"

    @property
    def log(self) -> Path:
        """A line of JSON for each episode."""
        return self.folder / "training.jsonl"

    def existing(self) -> list[Path]:
        """What is there of an earlier training."""
        return [path for path in (self.policy, self.state, self.log) if path.exists()]

    def begin(self) -> None:
        """Make the folder, empty of an earlier training; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (*self.existing(), *self.folder.glob(_EVENTS)):
            path.unlink()

    def save(
        self, state: Mapping[str, Any], plan: Mapping[str, Any], episodes: Sequence[Any]
    ) -> None:
        """Keep the whole state and the log, the state first: the log follows from it."""
        kept = {"plan": dict(plan), "episodes": list(episodes)}
        save_policy(self.state, {**state, "training": kept})
        self.log.write_text("".join(json.dumps(e) + "\n" for e in episodes), encoding="utf-8")

    def load(self, plan: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The state and the episodes that a training of this very plan left.

        Raises:
            CheckpointError: there is none, it is damaged, or it was of another plan.
        """
        if not self.state.exists():
            raise CheckpointError(
                f"There is no training to resume beside {self.policy}: leave out --resume."
            )
        state = load_policy(self.state)
        kept = state.pop("training", None)
        if not isinstance(kept, dict):
            raise CheckpointError(f"{self.state} is no state of a training.")
        # Through JSON, as the kept one has been: tuples are lists there.
        wanted = json.loads(json.dumps(plan))
        for name in wanted:
            if kept["plan"].get(name) != wanted[name]:
                raise CheckpointError(
                    _other(self.state, name, kept["plan"].get(name), wanted[name])
                )
        return state, kept["episodes"]


def _other(path: Path, name: str, was: object, now: object) -> str:
    """Says what differs, down to the first single value."""
    while True:
        if isinstance(was, dict) and isinstance(now, dict):
            key = next(k for k in (*was, *now) if was.get(k) != now.get(k))
            name, was, now = f"{name} {key}", was.get(key), now.get(key)
        elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
            at = next(i for i, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1])
            was, now = was[at], now[at]
        else:
            break
    return f"{path} is of another training: its {name} is {_short(was)}, not {_short(now)}."


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
