"""Policy files named on a command line, checked without loading what learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.learning.checkpoint import CheckpointError, load_policy
from engine.params import ParameterError
from engine.stage import SCHEMES


def parse(words: Sequence[str]) -> dict[str, Path]:
    """Policy files by scheme; the files are not opened yet.

    Args:
        words: each SCHEME=FILE.

    Raises:
        ParameterError: not of that form, or a scheme that there is not or is twice.
    """
    found: dict[str, Path] = {}
    for text in words:
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


def check(policies: Mapping[str, Path]) -> None:
    """Refuse files that are no policy of their scheme; whether networks fit shows when it is built.

    Raises:
        ParameterError: missing, damaged, or of another scheme.
    """
    for name, path in policies.items():
        try:
            made_for = load_policy(path).get("scheme")
        except CheckpointError as error:
            raise ParameterError(f"--policy for {name} is not possible: {error}") from None
        if made_for != name:
            raise ParameterError(f"--policy {path} is of {made_for}: {name} cannot use it.")
