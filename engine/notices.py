"""What a change of the controls or of learning is called on page and charts, one sentence each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.params import METAS, Params
from engine.stage import SCHEMES

if TYPE_CHECKING:
    from engine.learning.trainer import Learnt


def changes(
    before: tuple[Params, Sequence[str], Collection[int]],
    after: tuple[Params, Sequence[str], Collection[int]],
) -> Iterator[str]:
    """Say what differs between two states of a run: parameters, stage, failed RSUs."""
    params, stage, down = before
    new_params, new_stage, new_down = after
    for name, meta in METAS.items():
        value = getattr(new_params, name)
        if value != getattr(params, name):
            yield f"{name.replace('_', ' ')} {meta.text(value)} {meta.unit}".rstrip()
    for scheme in new_stage:
        if scheme not in stage:
            yield f"{SCHEMES[scheme].label} enters"
    for scheme in stage:
        if scheme not in new_stage:
            yield f"{SCHEMES[scheme].label} leaves"
    for rsu in sorted(set(new_down) - set(down)):
        yield f"RSU {rsu} fails"
    for rsu in sorted(set(down) - set(new_down)):
        yield f"RSU {rsu} works again"


def learning(
    learnt: Sequence[tuple[str, Learnt]],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str]]:
    """Say what went wrong with learning, each with its level.

    Args:
        learnt: in a step, by scheme.
        before: status of each learned scheme a step ago, as `Comparison.learning` gives it.
        after: status now.
    """
    for name, one in learnt:
        if one.trouble:
            yield _about(name, one.trouble), "warning"
    for name, status in after.items():
        state, message = status["state"], status["message"]
        is_news = message and message != before.get(name, {}).get("message")
        if is_news and state in ("restarting", "failed", "training"):
            yield _about(name, message), "warning" if state == "training" else "error"


def _about(scheme: str, sentence: str) -> str:
    return f"{SCHEMES[scheme].label}: {sentence.rstrip('.')}"
