"""What a change of the controls is called on the page and on the charts, one sentence each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from engine.params import METAS, Params
from engine.stage import SCHEMES


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
