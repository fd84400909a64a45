"""What a contest over seeds says: means, intervals, paired differences, and a verdict in words.

A seed is one observation, in which all schemes met the same traffic, tasks and fading. Intervals
are percentile bootstraps over seeds. Plain ones are too short on few seeds (a mean's 95 % interval
holds it in 83 % of cases at 5 seeds and 90 % at 10), so their ends are moved outwards by what
Student's t asks for beyond the normal (the expanded percentile interval of Hesterberg, The American
Statistician 69, 2015): 91 % at 5 seeds, 94 % at 10. The interquartile mean is that of Agarwal et
al., NeurIPS 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.stage import SCHEMES
from engine.types import Floats

#: Metrics of a contest, and which way is better.
BETTER: Final = {
    "cost": "lower",
    "success_rate": "higher",
    "delay_s": "lower",
    "energy_j": "lower",
}
#: Fewer seeds than this are no evidence, whatever they show.
LEAST_SEEDS: Final = 5
RESAMPLES: Final = 10_000
#: Of all intervals.
LEVEL: Final = 0.95
_NORMAL: Final = NormalDist()
#: A metric in a sentence: its name, its unit, and how many of those make one in SI.
_WORDS: Final = {
    "cost": ("cost", "", 1.0),
    "success_rate": ("success rate", " points", 100.0),
    "delay_s": ("delay", " s", 1.0),
    "energy_j": ("energy", " J", 1.0),
}


def judge(contest: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """What the seeds of a contest say about one metric; the order of seeds does not matter.

    Args:
        contest: as `engine.contest` makes it; only `schemes`, `reference` and `values` are read.
        metric: one of `BETTER`.

    Returns:
        `metric`, `better` (lower or higher), `n` (seeds that count), `reference`; `schemes`, of
        each its `mean`, its interquartile mean `iqm` and that one's `interval`; `paired`, of each
        other scheme the mean `difference` (it minus the reference, seed by seed) with its
        `interval`, the probability that the reference is better on a seed (`improvement`, ties
        half) with its `improvement_interval`, a `verdict` about the reference (`better`, `worse`
        or `not enough evidence`) and a `sentence`. With fewer than `LEAST_SEEDS` seeds intervals
        tell the range of what was seen, and every verdict is `not enough evidence`.
    """
    reference = contest["reference"]
    values = _complete({name: contest["values"][name][metric] for name in contest["schemes"]})
    n = len(values[reference])
    found: dict[str, Any] = {
        "metric": metric,
        "better": BETTER[metric],
        "n": n,
        "reference": reference,
        "schemes": {},
        "paired": {},
    }
    if n == 0:
        return found
    for name, of_seeds in values.items():
        ascending = np.sort(of_seeds)
        found["schemes"][name] = {
            "mean": float(ascending.mean()),
            "iqm": float(interquartile_mean(ascending)),
            "interval": _interval(ascending, interquartile_mean),
        }
        if name != reference:
            difference = np.sort(of_seeds - values[reference])
            found["paired"][name] = _compared(metric, reference, name, difference)
    return found


def judge_all(contest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`judge` of every metric, by its name."""
    return {metric: judge(contest, metric) for metric in BETTER}


def interquartile_mean(ascending: Floats) -> Floats:
    """Mean of the middle half along the last axis: of n values, n // 4 are cut at each end."""
    n = ascending.shape[-1]
    middle: Floats = ascending[..., n // 4 : n - n // 4].mean(axis=-1)
    return middle


def student_quantile(level: float, freedom: int) -> float:
    """The t that Student's distribution stays within, either side, with probability `level`.

    Args:
        level: in (0, 1).
        freedom: degrees of freedom, a positive whole number.
    """
    low, high = 0.0, math.pi / 2  # of atan(t / sqrt(freedom))
    for _ in range(60):
        middle = (low + high) / 2
        if _student_within(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(freedom)


def _student_within(angle: float, freedom: int) -> float:
    """P(|t| < sqrt(freedom) tan(angle)), Abramowitz and Stegun 26.7.3 and 26.7.4."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _complete(values: Mapping[str, list[float | None]]) -> dict[str, Floats]:
    """The seeds on which every scheme has a number: one without any task has none."""
    table = np.array(list(values.values()), np.float64)
    kept = np.isfinite(table).all(axis=0)
    return {name: row[kept] for name, row in zip(values, table, strict=True)}


def _mean(ascending: Floats) -> Floats:
    average: Floats = ascending.mean(axis=-1)
    return average


def _interval(ascending: Floats, statistic: Callable[[Floats], Floats]) -> list[float]:
    """The bootstrap interval of a statistic that takes ascending values, (..., n) to (...)."""
    n = len(ascending)
    if n == 1:
        return [float(ascending[0])] * 2
    resampled = statistic(ascending[_draws(n)])
    tail = _NORMAL.cdf(-math.sqrt(n / (n - 1)) * student_quantile(LEVEL, n - 1))
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    return [float(low), float(high)]


@lru_cache(maxsize=4)
def _draws(n: int) -> NDArray[np.int16]:
    """Which of n ascending values are in each resample, ascending too, (RESAMPLES, n)."""
    rng = np.random.default_rng(n)
    return np.sort(rng.integers(0, n, (RESAMPLES, n)).astype(np.int16), axis=1)


def _compared(metric: str, reference: str, other: str, difference: Floats) -> dict[str, Any]:
    n = len(difference)
    gain = difference if BETTER[metric] == "lower" else -difference
    won, tied = int((gain > 0).sum()), int((gain == 0).sum())
    improvement = (won + tied / 2) / n
    interval = _interval(difference, _mean)
    verdict = "not enough evidence"
    if n >= LEAST_SEEDS and not interval[0] <= 0.0 <= interval[1]:
        verdict = "better" if gain.mean() > 0 else "worse"
    return {
        "difference": float(difference.mean()),
        "interval": interval,
        "improvement": improvement,
        "improvement_interval": _wilson(improvement, n),
        "verdict": verdict,
        "sentence": _sentence(metric, reference, other, difference, interval, verdict),
    }


def _wilson(share: float, n: int) -> list[float]:
    """Wilson's interval of a share; a bootstrap would be certain of a side that won every seed."""
    z = _NORMAL.inv_cdf(0.5 + LEVEL / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return [round(max(0.0, centre - half), 12), round(min(1.0, centre + half), 12)]


def _sentence(
    metric: str,
    reference: str,
    other: str,
    difference: Floats,
    interval: list[float],
    verdict: str,
) -> str:
    n = len(difference)
    ours, theirs = _label(reference), _label(other)
    what, unit, scale = _WORDS[metric]
    if n < LEAST_SEEDS:
        seeds = "1 seed is" if n == 1 else f"{n} seeds are"
        return (
            f"Not enough evidence: {seeds} too few to compare {ours} with {theirs}; "
            f"play at least {LEAST_SEEDS}."
        )
    if not difference.any():
        return f"Not enough evidence: {ours} and {theirs} had the same {what} on all {n} seeds."
    # Told as the reference minus the other one, the way the sentence speaks.
    low, high = sorted((-scale * interval[0], -scale * interval[1]))
    if verdict == "not enough evidence":
        return (
            f"Not enough evidence: over {n} seeds the {what} of {ours} may lie anywhere from "
            f"{_apart(low, unit)} to {_apart(high, unit)} that of {theirs} (95 % interval)."
        )
    way = "lower" if high < 0 else "higher"
    agree = int((difference > 0).sum() if high < 0 else (difference < 0).sum())
    near, far = sorted((abs(low), abs(high)))
    return (
        f"The {what} of {ours} is {way} than that of {theirs} by "
        f"{abs(scale * difference.mean()):.3g}{unit} (95 % interval {near:.3g} to {far:.3g}), "
        f"and on {agree} of {n} seeds."
    )


def _apart(value: float, unit: str) -> str:
    return f"{abs(value):.3g}{unit} {'below' if value < 0 else 'above'}"


def _label(name: str) -> str:
    return SCHEMES[name].label if name in SCHEMES else name.upper()
