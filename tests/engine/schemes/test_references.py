"""The schemes without learning: what each decides, and the levels of MODEL B."""

import dataclasses

import numpy as np
import pytest

from engine import schemes
from engine.comparison import Comparison
from engine.metrics import METRICS, task_means
from engine.mobility.synthetic import SyntheticMobility
from engine.params import Params
from engine.physics.offers import offer
from engine.physics.offloading import Overhead
from engine.types import BY_RULE, Observation
from engine.world import World

NAMES = schemes.names()


def an_observation(steps: int = 3, sees_truth: bool = False, **raw: object) -> Observation:
    params = Params.parse({"vehicles": 100, **raw})
    stage = ("best",) if sees_truth else ("myopic",)
    world, comparison = World(SyntheticMobility(0), params), Comparison(stage, params, 0)
    for _ in range(steps):
        step = comparison.step(world.step(params), params)[stage[0]]
    return step.observation


@pytest.mark.parametrize("name", NAMES)
def test_every_scheme_decides_within_bounds_and_repeatably(name: str) -> None:
    module = schemes.load(name)
    assert module.LABEL
    assert module.INGREDIENTS.endswith(".")

    def scheme():
        return module.build(Params(best_budget=5.0, start="scratch"), np.random.default_rng(5))

    seen = an_observation(sees_truth=scheme().sees_truth, best_budget=5.0)
    one, other = scheme().act(seen), scheme().act(seen)
    assert one.rho.shape == one.target.shape == seen.vehicle.shape
    assert ((one.rho >= 0.0) & (one.rho <= 1.0)).all()
    assert ((one.target >= BY_RULE) & (one.target < 20)).all()
    assert one.rho.tolist() == other.rho.tolist()
    assert one.target.tolist() == other.target.tolist()


def test_names_are_files_in_display_order() -> None:
    known = [name for name in NAMES if name in schemes.ORDER]
    assert known == sorted(known, key=schemes.ORDER.index)
    assert {"non-drl", "local", "offload", "random", "constant", "myopic", "tolled"} <= set(NAMES)
    with pytest.raises(ValueError, match="choose among"):
        schemes.load("../etc")


def test_the_simple_ones() -> None:
    seen = an_observation(rho=0.45)
    rng = np.random.default_rng(0)
    rho = {n: schemes.load(n).build(seen.params, rng).act(seen).rho
           for n in ("local", "offload", "constant", "random")}  # fmt: skip
    assert not rho["local"].any()
    assert (rho["offload"] == 1.0).all()
    assert (rho["constant"] == 0.45).all()
    assert 0.3 < rho["random"].mean() < 0.7


def test_non_drl_takes_the_least_loaded_rsu_in_range_ties_to_the_nearest() -> None:
    seen = an_observation()
    backlog = np.full(20, 0.5)
    backlog[[3, 8]] = 0.1
    twins = dataclasses.replace(seen.rsus, backlog_s=backlog)
    scheme = schemes.load("non-drl").build(seen.params, np.random.default_rng(0))
    choice = scheme.act(dataclasses.replace(seen, rsus=twins))
    assert (choice.rho == 1.0).all()
    for i in range(len(seen.vehicle)):
        reach = np.flatnonzero(seen.rate_bps[i] > 0.0)
        least = reach[backlog[reach] == backlog[reach].min()]
        assert choice.target[i] == least[seen.distance_m[i, least].argmin()]
    down = dataclasses.replace(twins, up=np.zeros(20, bool))
    blind = scheme.act(dataclasses.replace(seen, rsus=down))
    assert (blind.target == BY_RULE).all()


@pytest.mark.parametrize("name", ["myopic", "tolled"])
@pytest.mark.parametrize("share", ["task", "share"])
def test_selfish_schemes_minimise_what_they_expect(name: str, share: str) -> None:
    seen = an_observation(steps=8, download_share=share)
    chosen = schemes.load(name).build(seen.params, np.random.default_rng(0)).act(seen).rho
    load = seen.rsus.requests / 5.0
    wait_s = seen.rsus.mean_wait_s if name == "myopic" else 0.15 * load
    toll = np.zeros(20) if name == "myopic" else 0.3 * np.clip(load, 0.0, 3.0)
    grid = np.linspace(0.0, 1.0, 401)
    for i in np.flatnonzero(seen.has_task):
        m = seen.serving[i]
        deal = offer(
            seen.data_bits[i], seen.cycles[i], seen.deadline_s[i], seen.cpu_hz[i],
            seen.rate_bps[i, m], seen.rsus.cpu_hz[m], seen.rsus.unit_price[m],
            Overhead.of(seen.params),
        )  # fmt: skip

        def expected(rho: np.ndarray) -> np.ndarray:
            return deal.cost(rho, wait_s[m]) + toll[m] * rho * seen.cycles[i] / 1e9  # noqa: B023

        assert expected(chosen[i]) <= expected(grid).min() + 1e-9
    assert not chosen[~seen.has_task].any()


def test_selfish_schemes_keep_their_work_from_a_dead_rsu() -> None:
    seen = an_observation()
    twins = dataclasses.replace(seen.rsus, up=np.zeros(20, bool))
    scheme = schemes.load("myopic").build(seen.params, np.random.default_rng(0))
    assert not scheme.act(dataclasses.replace(seen, rsus=twins)).rho.any()


def levels(stage: tuple[str, ...], **raw: object) -> dict[str, dict[str, float]]:
    rows: dict[str, list[np.ndarray]] = {name: [] for name in stage}
    for seed in (0, 1):
        params = Params.parse({"seed": seed, **raw})
        world, comparison = World(SyntheticMobility(seed), params), Comparison(stage, params, seed)
        for t in range(40):
            steps = comparison.step(world.step(params), params)
            if t >= 12:
                for name, step in steps.items():
                    rows[name].append(step.row)
    return {name: task_means(np.array(kept)) for name, kept in rows.items()}


def test_levels_of_the_default_are_those_of_the_model() -> None:
    """MODEL B on synthetic traffic; the draw of prices and clocks moves a cell by hundredths."""
    expected = {
        "local": (1.48, 0.74), "offload": (2.37, 0.18), "random": (1.81, 0.50),
        "non-drl": (2.35, 0.20), "constant": (1.27, 0.93), "myopic": (1.29, 0.88),
        "tolled": (1.23, 0.95),
    }  # fmt: skip
    seen = levels((*expected, "bound"), mesh="stale")
    for name, (cost, success) in expected.items():
        assert seen[name]["cost"] == pytest.approx(cost, abs=0.08), name
        assert seen[name]["success_rate"] == pytest.approx(success, abs=0.05), name
    assert seen["bound"]["cost"] == pytest.approx(1.09, abs=0.06)
    assert seen["local"]["delay_s"] == pytest.approx(0.508, abs=0.02)
    assert seen["local"]["energy_j"] == pytest.approx(1007.0, abs=25.0)
    assert METRICS[0] == "cost"


def test_crowding_makes_a_fixed_share_worse_than_nothing() -> None:
    seen = levels(("local", "constant", "tolled"), vehicles=500)
    assert seen["tolled"]["cost"] < seen["local"]["cost"] < seen["constant"]["cost"]


def test_staleness_costs_the_selfish_and_overhead_costs_all() -> None:
    stage = ("myopic", "tolled")
    fresh, usual, stale = (levels(stage, sync_interval=s) for s in ("0.1", "1", "5"))
    assert fresh["tolled"]["cost"] > usual["tolled"]["cost"] + 0.05
    assert stale["myopic"]["cost"] > usual["myopic"]["cost"]
