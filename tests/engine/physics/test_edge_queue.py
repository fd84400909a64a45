"""The queues of the RSUs by hand, by property, and candidate by candidate."""

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.physics.edge_queue import FORWARD_MARGIN_S, LONGEST_WAIT_S, Served, serve
from engine.physics.queue_batch import serve_batch

LINE = np.array([[1, -1, -1, -1], [0, 2, -1, -1], [1, -1, -1, -1]])  # 0 - 1 - 2
GIGA = 1e9


def served(
    rsu, arrival, gcycles, *, bits=0.0, latest=9.0, free=None, clock=None, up=None, mesh=LINE,
    rate=100e6, live=False, admission=False,
):  # fmt: skip
    """Three RSUs in a line, 1 GHz each unless told: one second a Gcycle."""
    k = len(rsu)
    n_rsus = len(mesh)
    return serve(
        np.array(rsu, np.int64),
        np.array(arrival, float),
        np.array(gcycles, float) * GIGA,
        np.full(k, bits),
        np.broadcast_to(np.array(latest, float), (k,)),
        np.zeros((n_rsus, 1)) if free is None else np.array(free, float),
        np.full(n_rsus, GIGA) if clock is None else np.array(clock) * GIGA,
        np.ones(n_rsus, bool) if up is None else np.array(up),
        mesh,
        np.full(n_rsus, rate),
        live_mesh=live,
        admission=admission,
    )


def test_one_core_serves_in_order_of_arrival_not_of_index():
    got = served([0, 0, 0], [0.4, 0.1, 0.9], [0.2, 0.5, 0.1])
    # Second comes first: 0.1-0.6; the first waits 0.2 s: 0.6-0.8; the third finds the core idle.
    np.testing.assert_allclose(got.start_s, [0.6, 0.1, 0.9])
    np.testing.assert_allclose(got.finish_s, [0.8, 0.6, 1.0])
    np.testing.assert_allclose(got.wait_s, [0.2, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(got.free_s, [[1.0], [0.0], [0.0]])


def test_two_cores_serve_two_at_once_and_the_earliest_takes_the_third():
    got = served([1, 1, 1], [0.0, 0.0, 0.1], [0.6, 0.4, 0.3], free=np.zeros((3, 2)))
    np.testing.assert_allclose(got.start_s, [0.0, 0.0, 0.4])
    np.testing.assert_allclose(np.sort(got.free_s[1]), [0.6, 0.7])


def test_work_left_from_the_step_before_is_waited_for():
    got = served([0], [0.2], [0.3], free=[[0.5], [0.0], [0.0]])
    np.testing.assert_allclose([got.start_s[0], got.wait_s[0], got.finish_s[0]], [0.5, 0.3, 0.8])


def test_equal_arrivals_are_served_by_index():
    got = served([0, 0], [0.3, 0.3], [0.1, 0.1])
    assert got.start_s[0] < got.start_s[1]


def test_a_faster_clock_finishes_sooner():
    got = served([0, 1], [0.0, 0.0], [1.0, 1.0], clock=[2.0, 4.0, 1.0])
    np.testing.assert_allclose(got.finish_s, [0.5, 0.25])


def test_a_wait_above_one_second_is_refused_and_leaves_no_work():
    got = served([0, 0, 0], [0.0, 0.05, 0.3], [1.1, 0.5, 0.1])
    # The second would wait 1.05 s; the third, 0.8 s later served at 1.1, does not see it.
    assert got.accepted.tolist() == [True, False, True]
    np.testing.assert_allclose(got.wait_s, [0.0, 1.05, 0.8])
    np.testing.assert_allclose(got.free_s[0, 0], 1.2)


def test_admission_refuses_what_would_miss_its_deadline():
    late = {"rsu": [0, 0], "arrival": [0.0, 0.1], "gcycles": [0.6, 0.2], "latest": [1.0, 0.7]}
    assert served(**late).accepted.all()
    got = served(**late, admission=True)
    assert got.accepted.tolist() == [True, False]
    np.testing.assert_allclose(got.free_s[0, 0], 0.6)


def test_live_mesh_forwards_when_the_wait_next_door_is_shorter_by_more_than_hop_and_margin():
    # Hop: 0.005 + 4.5 Mbit / 100 Mbit/s = 0.05 s, so 0.2 s is the threshold to an idle neighbour.
    over = {"bits": 4.5e6, "live": True, "free": [[0.21], [0.0], [0.0]]}
    got = served([0], [0.0], [0.3], **over)
    assert got.forwarded[0]
    assert got.server[0] == 1
    np.testing.assert_allclose([got.hop_s[0], got.start_s[0], got.wait_s[0]], [0.05, 0.05, 0.0])
    np.testing.assert_allclose(got.free_s[:, 0], [0.21, 0.35, 0.0])
    under = served([0], [0.0], [0.3], **{**over, "free": [[0.19], [0.0], [0.0]]})
    assert not under.forwarded[0]
    assert under.hop_s[0] == 0.0
    assert not served([0], [0.0], [0.3], **{**over, "live": False}).forwarded[0]


def test_live_mesh_picks_the_least_loaded_neighbour():
    got = served([1], [0.0], [0.1], live=True, free=[[0.3], [0.8], [0.2]])
    assert got.server[0] == 2


def test_nothing_is_handed_on_twice():
    # RSU 1 is nearly as full as RSU 0; from there RSU 2 would pay, but a hop has been made.
    got = served([0], [0.0], [0.1], live=True, free=[[0.9], [0.7], [0.0]])
    assert got.server[0] == 1


def test_an_rsu_that_is_down_hands_everything_to_its_least_loaded_neighbour():
    got = served([1, 1], [0.0, 0.1], [0.4, 0.4], up=[True, False, True], free=[[0.3], [0], [0.0]])
    assert got.server.tolist() == [2, 0]
    assert got.forwarded.all()
    assert got.accepted.all()


def test_down_with_no_neighbour_up_refuses():
    got = served([0], [0.2], [0.4], up=[False, False, True])
    assert not got.accepted[0]
    assert got.server[0] == -1
    assert not got.forwarded[0]
    assert np.isfinite(got.finish_s[0])


def test_no_sub_tasks_leave_the_queues_alone():
    got = served([], [], [], free=[[0.4], [0.0], [2.0]])
    np.testing.assert_array_equal(got.free_s, [[0.4], [0.0], [2.0]])
    assert got.start_s.shape == (0,)


@st.composite
def loads(draw):
    """Sub-tasks of any step for B candidates on a small mesh; times on a grid, so ties occur."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k, b = draw(st.integers(0, 25)), draw(st.integers(1, 4))
    cores = draw(st.sampled_from([1, 2, 4]))
    share = rng.random((b, k)) * (rng.random((b, k)) > 0.2)
    return {
        "rsu": rng.integers(0, 3, (b, k)),
        "arrival_s": np.round(rng.random((b, k)), draw(st.sampled_from([1, 6]))),
        "cycles": share * rng.uniform(0.5, 1.5, k) * GIGA,
        "data_bits": share * rng.uniform(4e6, 16e6, k),
        "latest_finish_s": np.tile(rng.uniform(0.2, 2.0, k), (b, 1)),
        "free_s": rng.random((3, cores)) * draw(st.sampled_from([0.0, 1.5])),
        "cpu_hz": rng.uniform(0.5, 4.0, 3) * GIGA,
        "up": rng.random(3) < draw(st.sampled_from([1.0, 0.6])),
        "neighbours": LINE,
        "mesh_rate_bps": rng.uniform(100e6, 150e6, 3),
        "live_mesh": draw(st.booleans()),
        "admission": draw(st.booleans()),
    }


PER_TASK = ("rsu", "arrival_s", "cycles", "data_bits", "latest_finish_s")


def row(load, b):
    return {name: value[b] if name in PER_TASK else value for name, value in load.items()}


@given(loads())
def test_every_row_of_a_batch_is_what_serving_it_alone_gives(load):
    batch = serve_batch(**load)
    for b in range(len(load["cycles"])):
        alone = serve(**row(load, b))
        for field in dataclasses.fields(Served):
            np.testing.assert_array_equal(
                getattr(batch, field.name)[b], getattr(alone, field.name), err_msg=field.name
            )


@given(loads())
def test_work_is_conserved_and_no_core_serves_two_at_once(load):
    one = row(load, 0)
    got = serve(**one)
    took = got.finish_s - got.start_s
    works = (one["cycles"] > 0) & got.accepted
    np.testing.assert_allclose(
        took[works], one["cycles"][works] / one["cpu_hz"][got.server[works]], atol=1e-12
    )
    for m in range(3):
        mine = works & (got.server == m)
        cores = one["free_s"].shape[1]
        edges = np.concatenate([got.start_s[mine], got.finish_s[mine] - 1e-9])
        for t in edges:
            busy = np.count_nonzero((got.start_s[mine] <= t) & (t < got.finish_s[mine] - 1e-9))
            assert busy + np.count_nonzero(one["free_s"][m] > t) <= cores
        assert (np.sort(got.free_s[m]) >= np.sort(one["free_s"][m])).all()
        assert set(got.free_s[m]) <= set(one["free_s"][m]) | set(got.finish_s[mine])


@given(loads())
def test_accepted_means_the_wait_is_at_most_one_second(load):
    one = {**row(load, 0), "admission": False}
    got = serve(**one)
    works = (one["cycles"] > 0) & (got.server >= 0)
    np.testing.assert_array_equal(got.accepted[works], got.wait_s[works] <= LONGEST_WAIT_S)
    assert (got.wait_s >= 0).all()
    assert (got.start_s >= one["arrival_s"]).all()


@given(loads())
def test_forwarding_happens_only_for_a_gain_beyond_hop_and_margin(load):
    one = {**row(load, 0), "up": np.ones(3, bool), "live_mesh": True}
    got = serve(**one)
    assert one["up"][got.server].all()
    for i in np.flatnonzero(got.forwarded):
        assert got.server[i] in LINE[one["rsu"][i]]
        assert got.hop_s[i] > 0.005
        busy_until = np.concatenate([
            one["free_s"][one["rsu"][i]],
            got.finish_s[got.accepted & (got.server == one["rsu"][i])],
        ])  # fmt: skip
        assert busy_until.max() > one["arrival_s"][i] + got.hop_s[i] + FORWARD_MARGIN_S


@given(loads(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(load, random):
    one = row(load, 0)
    k = len(one["cycles"])
    one["arrival_s"] = one["arrival_s"] + np.arange(k) * 1e-9  # no ties: those go by row
    order = np.array(random.sample(range(k), k), np.int64)
    got = serve(**one)
    moved = serve(**{n: v[order] if n in PER_TASK else v for n, v in one.items()})
    np.testing.assert_array_equal(moved.finish_s, got.finish_s[order])
    np.testing.assert_array_equal(moved.server, got.server[order])
    np.testing.assert_array_equal(moved.free_s, got.free_s)


@given(loads())
def test_more_work_left_over_never_starts_anything_sooner(load):
    one = {**row(load, 0), "live_mesh": False, "up": np.ones(3, bool), "admission": False}
    one["cycles"] = one["cycles"] * 0.01  # too little to be refused, which would free the queue
    later = serve(**{**one, "free_s": one["free_s"] * 0.3 + 0.3})
    sooner = serve(**{**one, "free_s": one["free_s"] * 0.3})
    assert (later.start_s >= sooner.start_s).all()
