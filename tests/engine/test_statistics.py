"""What seeds say: numbers worked by hand, scipy's bootstrap, coverage, and honest verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from engine.statistics import (
    BETTER,
    LEVEL,
    interquartile_mean,
    judge,
    judge_all,
    student_quantile,
)


def contest(reference="af-marl", metric="cost", **values) -> dict:
    """A contest of one metric; names are written with underscores."""
    named = {name.replace("_", "-"): {metric: list(seeds)} for name, seeds in values.items()}
    return {"schemes": list(named), "reference": reference, "values": named}


def against(reference, other, metric="cost") -> dict:
    """What is said of AF-MARL with the first values against NON-DRL with the others."""
    judged = judge(contest(af_marl=reference, non_drl=other, metric=metric), metric)
    return judged["paired"]["non-drl"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4.0, 1.0, 2.0, 3.0], 2.5),
        ([1.0, 2.0, 3.0, 4.0, 500.0], 3.0),
        ([1, 2, 3, 4, 5, 6, 7, 100], (3 + 4 + 5 + 6) / 4),
        ([0, 0, 1, 2, 3, 4, 5, 6, 9, 9], (1 + 2 + 3 + 4 + 5 + 6) / 6),
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),
    ],
)
def test_the_interquartile_mean_cuts_a_quarter_at_each_end(values, expected):
    ascending = np.sort(np.array(values, float))
    assert interquartile_mean(ascending) == pytest.approx(expected)
    assert interquartile_mean(ascending) == pytest.approx(stats.trim_mean(values, 0.25))
    judged = judge(contest(af_marl=values), "cost")
    assert judged["schemes"]["af-marl"]["iqm"] == pytest.approx(expected)
    assert judged["schemes"]["af-marl"]["mean"] == pytest.approx(np.mean(values))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 9, 10, 29, 199])
def test_students_quantiles_are_those_of_tables(freedom):
    for level in (0.5, 0.95, 0.999):
        expected = stats.t.ppf(0.5 + level / 2, freedom)
        assert student_quantile(level, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [6, 10, 25])
def test_intervals_are_scipys_bootstrap_at_the_widened_level(n):
    rng = np.random.default_rng(n)
    reference, other = rng.gamma(4.0, 0.3, n), rng.gamma(4.0, 0.4, n)
    judged = judge(contest(af_marl=reference, non_drl=other), "cost")
    tail = stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.ppf(0.5 + LEVEL / 2, n - 1))

    def scipys(sample, statistic):
        made = stats.bootstrap(
            (sample,), statistic, n_resamples=200_000, confidence_level=1 - 2 * tail,
            method="percentile", rng=np.random.default_rng(1), batch=10_000,
        )  # fmt: skip
        return list(made.confidence_interval)

    spread = (other - reference).std()
    paired = judged["paired"]["non-drl"]["interval"]
    assert paired == pytest.approx(scipys(other - reference, np.mean), abs=0.06 * spread)
    iqm = judged["schemes"]["non-drl"]["interval"]
    middle = scipys(other, lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))
    assert iqm == pytest.approx(middle, abs=0.06 * other.std())


def test_the_probability_of_improvement_counts_ties_half():
    found = against([1, 1, 1, 1, 1, 1], [2, 2, 2, 1, 0, 1.5])
    assert found["improvement"] == pytest.approx((4 + 0.5) / 6)
    expected = stats.binomtest(8, 10).proportion_ci(0.95, "wilson")
    eight = against([0.0] * 10, [1.0] * 8 + [-1.0] * 2)
    assert eight["improvement_interval"] == pytest.approx([expected.low, expected.high])


def test_winning_every_seed_is_not_called_certain():
    found = against([1.0, 1.1, 1.2, 1.0, 1.3], [2.0, 2.2, 2.1, 2.4, 2.2])
    assert found["improvement"] == 1.0
    assert found["improvement_interval"] == [pytest.approx(0.566, abs=1e-3), 1.0]


@pytest.mark.parametrize("metric", BETTER)
def test_which_way_is_better_depends_on_the_metric(metric):
    rng = np.random.default_rng(3)
    reference = rng.normal(1.0, 0.01, 8)
    more = against(reference, reference + 0.5, metric)
    less = against(reference, reference - 0.5, metric)
    assert (more["difference"], less["difference"]) == (pytest.approx(0.5), pytest.approx(-0.5))
    if BETTER[metric] == "higher":
        more, less = less, more
    assert (more["verdict"], more["improvement"]) == ("better", 1.0)
    assert (less["verdict"], less["improvement"]) == ("worse", 0.0)


def test_identical_schemes_are_not_enough_evidence():
    same = [1.0, 1.2, 0.9, 1.1, 1.0, 1.3]
    found = against(same, same)
    assert found["verdict"] == "not enough evidence"
    assert found["interval"] == [0.0, 0.0]
    assert found["improvement"] == 0.5
    assert found["sentence"].startswith("Not enough evidence: AF-MARL and NON-DRL had the same")


@pytest.mark.parametrize("n", [1, 2, 4])
def test_few_seeds_are_not_enough_evidence_however_clear_they_look(n):
    reference = np.linspace(1.0, 1.01, n)
    found = against(reference, reference + np.linspace(5, 6, n))
    assert found["verdict"] == "not enough evidence"
    assert "too few" in found["sentence"]
    assert found["interval"] == pytest.approx([5.0, 6.0 if n > 1 else 5.0])


def test_no_seeds_yet_are_no_numbers():
    judged = judge(contest(af_marl=[], non_drl=[]), "cost")
    assert (judged["n"], judged["schemes"], judged["paired"]) == (0, {}, {})


def test_a_seed_without_a_task_does_not_count():
    whole = contest(af_marl=[1.0, None, 1.2, 1.1, 1.0, 1.3], non_drl=[2.0, 9.0, None, 2, 2, 2])
    kept = contest(af_marl=[1.0, 1.1, 1.0, 1.3], non_drl=[2.0, 2, 2, 2])
    assert judge(whole, "cost") == judge(kept, "cost")


def test_the_order_of_seeds_changes_nothing():
    rng = np.random.default_rng(5)
    values = {
        name: {metric: rng.normal(1.0, 0.1, 9) for metric in BETTER}
        for name in ("af-marl", "tolled")
    }
    order = rng.permutation(9)
    judged = []
    for at in (np.arange(9), order):
        shown = {
            name: {metric: seeds[at].tolist() for metric, seeds in metrics.items()}
            for name, metrics in values.items()
        }
        about = {"schemes": list(values), "reference": "af-marl", "values": shown}
        judged.append(judge_all(about))
    assert judged[0] == judged[1]


def test_sentences_say_who_by_how_much_and_on_how_many_seeds():
    rng = np.random.default_rng(6)
    base = rng.normal(0.9, 0.01, 10)
    clear = against(base, base - 0.05 + rng.normal(0, 0.001, 10), "success_rate")["sentence"]
    assert clear.startswith("The success rate of AF-MARL is higher than that of NON-DRL by ")
    assert " points (95 % interval " in clear
    assert clear.endswith("and on 10 of 10 seeds.")
    worse = against(base, base - 0.05, "delay_s")["sentence"]
    assert worse.startswith("The delay of AF-MARL is higher than that of NON-DRL by 0.05 s")
    unclear = against(base, base + rng.normal(0, 0.01, 10))["sentence"]
    assert unclear.startswith("Not enough evidence: over 10 seeds the cost of AF-MARL may lie")
    assert " below to " in unclear
    assert " above that of NON-DRL" in unclear


def test_the_reference_is_whichever_the_contest_names():
    seeds = [1.0, 1.1, 1.2, 1.3, 1.4]
    found = judge(contest("myopic", af_marl=seeds, myopic=[s + 1 for s in seeds]), "cost")
    assert list(found["paired"]) == ["af-marl"]
    assert found["paired"]["af-marl"]["verdict"] == "worse"


@pytest.mark.parametrize(("n", "least", "most"), [(5, 0.88, 0.95), (10, 0.92, 0.97)])
def test_a_95_percent_interval_holds_the_truth_in_about_95_of_100_contests(n, least, most):
    """Nearer 91 at 5 seeds, which is why the page says how many there were."""
    rng = np.random.default_rng(n)
    held = wrong = iqm_held = 0
    contests = 800
    for _ in range(contests):
        seed = rng.normal(0.0, 1.0, n)  # what a seed does to all schemes alike
        reference, other = seed + rng.normal(0, 0.1, n), seed + rng.normal(0, 0.1, n)
        judged = judge(contest(af_marl=reference, non_drl=other), "cost")
        found, iqm = judged["paired"]["non-drl"], judged["schemes"]["non-drl"]["interval"]
        iqm_held += iqm[0] <= 0.0 <= iqm[1]
        held += found["interval"][0] <= 0.0 <= found["interval"][1]
        wrong += found["verdict"] != "not enough evidence"
    assert least <= held / contests <= most
    assert least <= iqm_held / contests <= 0.99
    assert wrong == contests - held


def test_pairing_shows_a_difference_that_the_spread_of_seeds_would_hide():
    rng = np.random.default_rng(8)
    seed = rng.normal(1.0, 0.5, 10)
    judged = judge(contest(af_marl=seed, non_drl=seed + rng.normal(0.05, 0.01, 10)), "cost")
    ours, theirs = (judged["schemes"][name]["interval"] for name in ("af-marl", "non-drl"))
    assert ours[1] > theirs[0]  # each on its own tells nothing
    assert judged["paired"]["non-drl"]["verdict"] == "better"
