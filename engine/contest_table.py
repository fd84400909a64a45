"""The results of a contest as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.statistics import judge

#: Title and decimals of each metric.
_SHOWN: Final = {
    "cost": ("Cost per task", 4),
    "success_rate": ("Success rate", 4),
    "delay_s": ("Delay per task, s", 4),
    "energy_j": ("Energy per task, J", 1),
}


def markdown(contest: Mapping[str, Any]) -> str:
    """A table for each metric: what each scheme had, and how it differs from the reference."""
    tables = [_table(judge(contest, metric)) for metric in _SHOWN]
    note = contest.get("note")
    return "\n\n".join([*tables, note] if note else tables)


def _table(judged: Mapping[str, Any]) -> str:
    reference, n = judged["reference"], judged["n"]
    title, digits = _SHOWN[judged["metric"]]
    head = (
        "scheme", "mean", "IQM [95 %]", f"minus {reference} [95 %]",
        f"{reference} better on a seed [95 %]", f"{reference} is",
    )  # fmt: skip
    rows = [head, ("---",) * len(head)]
    for name, of_scheme in judged["schemes"].items():
        iqm = _cell(of_scheme["iqm"], of_scheme["interval"], f".{digits}f")
        cells: Sequence[str] = ("", "", "")
        if name in judged["paired"]:
            pair = judged["paired"][name]
            cells = (
                _cell(pair["difference"], pair["interval"], f"+.{digits}f"),
                _cell(pair["improvement"], pair["improvement_interval"], ".2f"),
                pair["verdict"],
            )
        rows.append((name, format(of_scheme["mean"], f".{digits}f"), iqm, *cells))
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    heading = f"**{title}** ({judged['better']} is better), {seeds}"
    return "\n".join([heading, "", *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(value: float, interval: Sequence[float], form: str) -> str:
    low, high = (format(end, form) for end in interval)
    return f"{value:{form}} [{low}, {high}]"
