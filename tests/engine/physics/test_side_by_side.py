"""Cities that stand side by side are settled as if each were alone."""

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.physics.offloading import Parts
from engine.physics.settle import Settled, settle
from engine.physics.side_by_side import settle_arms, stacked
from engine.rsus import COUNT
from tests.engine.physics.test_settle import OVERHEAD, some_plan, some_work, the_rsus


def fields(settled: Settled) -> dict[str, np.ndarray]:
    own = {f.name: getattr(settled, f.name) for f in dataclasses.fields(Settled)}
    parts = own.pop("parts")
    return own | {f.name: getattr(parts, f.name) for f in dataclasses.fields(Parts)}


@given(
    st.integers(0, 10**6), st.integers(0, 40), st.integers(1, 5), st.sampled_from([1, 2]),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_every_city_gets_bit_for_bit_what_it_gets_alone(seed, k, cities, cores, mesh, admission):
    rng = np.random.default_rng(seed)
    work = some_work(rng, k)
    work = dataclasses.replace(work, serving=np.where(rng.random(k) < 0.1, -1, work.serving))
    plans = [some_plan(rng, work) for _ in range(cities)]
    rsus = [the_rsus(cores=cores, up=rng.random(COUNT) < 0.8) for _ in range(cities)]
    free_s = [rng.uniform(0.0, 1.5, (COUNT, cores)) for _ in range(cities)]
    switches = {"live_mesh": mesh, "admission": admission}

    together = settle_arms(work, plans, rsus, free_s, OVERHEAD, **switches)
    alone = stacked(
        [settle(work, *own, OVERHEAD, **switches) for own in zip(plans, rsus, free_s, strict=True)]
    )

    for name, values in fields(together).items():
        np.testing.assert_array_equal(values, fields(alone)[name], err_msg=name)
