"""The stream: newest frame only, one in flight for each tab, nobody waits for anybody."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import messages
from app.stream import MAX_TABS
from engine import wire
from engine.metrics import METRICS
from tests.conftest import WAIT_S


def seq(frame):
    return wire.header(frame).seq


@pytest.fixture
def begun(site):
    site.begin()
    site.publish()
    return site


def test_a_tab_gets_the_newest_frame_and_no_other_before_it_acknowledges(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            first = await one.frame()
            for _ in range(5):
                begun.publish()
                await asyncio.sleep(0.03)
            with pytest.raises(TimeoutError):
                await one.frame(0.2)
            one.say({"ack": seq(first)})
            second = await one.frame()
            assert seq(second) == begun.engine.next_seq - 1
            one.say({"ack": seq(first)})  # an old acknowledgement is no credit
            begun.publish()
            with pytest.raises(TimeoutError):
                await one.frame(0.2)

    asyncio.run(scenario())


def test_a_sent_frame_is_the_stored_one_cut_to_the_asked_arm(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            first = await one.frame()
            assert first == wire.sent_frame(begun.store.frame()[1], 0)
            one.say({"arm": "tolled"})
            one.say({"ack": seq(first)})
            second = await one.frame()  # the same step anew: the map changes at once
            assert second == wire.sent_frame(begun.store.frame()[1], begun.stage.index("tolled"))

    asyncio.run(scenario())


def test_a_tab_that_compares_gets_all_its_arms_that_are_on_stage(begun):
    async def scenario():
        async with begun.serving() as tab:
            one, other = tab(), tab()
            first = await one.frame()
            one.say({"arms": ["tolled", "ddqn", "non-drl"]})
            one.say({"ack": seq(first)})
            second = await one.frame()
            stored = begun.store.frame()[1]
            wanted = [begun.stage.index(name) for name in ("tolled", "non-drl")]
            assert second == wire.several_frame(stored, wanted)
            assert await other.frame() == wire.sent_frame(stored, 0)
            one.say({"arm": "tolled"})
            one.say({"ack": seq(second)})
            assert await one.frame() == wire.sent_frame(stored, begun.stage.index("tolled"))

    asyncio.run(scenario())


def test_a_tab_that_does_not_read_holds_up_nobody(begun, monkeypatch):
    monkeypatch.setattr("app.tab.BEHIND_S", 600.0)

    async def scenario():
        async with begun.serving() as tab:
            slow, quick = tab(), tab()
            await slow.frame()
            slow.gate.clear()
            seen = []
            for _ in range(20):
                begun.publish()
                frame = await quick.frame()
                seen.append(seq(frame))
                quick.say({"ack": seq(frame)})
            assert len(set(seen)) >= 19
            slow.gate.set()
            slow.say({"ack": 0})
            assert seq(await slow.frame()) == begun.engine.next_seq - 1

    asyncio.run(scenario())


def test_a_tab_that_never_reads_is_let_go(begun, monkeypatch):
    monkeypatch.setattr("app.tab.BEHIND_S", 0.2)

    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            await one.text("hello")
            one.gate.clear()
            begun.publish()
            await one.ended()

    asyncio.run(scenario())


def test_frames_left_over_from_an_earlier_run_are_not_shown(site):
    site.begin("old-run")
    site.publish()
    site.engine.say({"state": "starting", "run": "new-run", "stage": site.stage})

    async def scenario():
        async with site.serving() as tab:
            one = tab()
            hello = await one.text("hello")
            assert (hello["run"], hello["static"]) == ("new-run", None)
            with pytest.raises(TimeoutError):
                await one.frame(0.2)
            site.begin("new-run")
            assert (await one.text("hello"))["static"] == "/live/static/new-run"
            site.publish()
            assert wire.header(await one.frame()).run == wire.run_code("new-run")

    asyncio.run(scenario())


def test_an_empty_stage_shows_vehicles_that_decide_nothing(site):
    site.begin()
    site.publish([])

    async def scenario():
        async with site.serving() as tab:
            return await tab().frame()

    frame = asyncio.run(scenario())
    stored = site.store.frame()[1]
    assert len(frame) == wire.HEADER.size + 8 * 20 + 4 * 20 + 4 * 20 + 4
    assert frame[: wire.HEADER.size + 160] == stored[: wire.HEADER.size + 160]


def batch(message):
    magic, version, schemes, rows, run, columns = struct.unpack_from("<4sHHIII", message)
    assert (magic, version, columns) == (b"IOVM", 1, len(METRICS))
    steps = np.frombuffer(message, "<u4", rows, 20)
    values = np.frombuffer(message, "<f4", -1, 20 + 4 * rows).reshape(rows, schemes, columns)
    return run, steps, values


def is_batch(message):
    return isinstance(message, bytes) and message[:4] == b"IOVM"


def test_metrics_come_as_history_then_as_they_are_recorded(begun):
    for _ in range(9):
        begun.publish()

    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            run, steps, values = batch(await one.get(is_batch))
            assert run == wire.run_code("run-1")
            assert steps.tolist() == list(range(10))
            recorded = begun.store.metrics("run-1", schemes=begun.stage)[2]
            np.testing.assert_array_equal(values, recorded)
            begun.publish()
            begun.publish()
            assert batch(await one.get(is_batch))[1].tolist() == [10, 11]

    asyncio.run(scenario())


def steps_learnt(message):
    return [entry["step"] for entry in message["entries"]]


def learn(site, *steps):
    site.engine.learned(
        [
            {"step": n, "scheme": "x", "losses": {"critic": 1 / 3}, "rounds": [], "trouble": ""}
            for n in steps
        ]
    )


def test_what_was_learnt_comes_as_history_then_as_it_is_recorded(begun):
    learn(begun, *range(20))

    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            told = await one.text("learning")
            assert told == {
                "type": "learning", "run": "run-1", "entries": begun.store.learning("run-1"),
            }  # fmt: skip
            with pytest.raises(TimeoutError):
                await one.text("learning", 1.3)  # nothing new, nothing said
            learn(begun, 20)
            began = time.monotonic()
            learn(begun, 21)
            assert steps_learnt(await one.text("learning")) == [20, 21]
            learn(begun, 22)
            assert steps_learnt(await one.text("learning")) == [22]
            assert time.monotonic() - began > 0.9  # at most once a second

    asyncio.run(scenario())


def test_a_slow_tab_misses_nothing_of_what_was_learnt(begun):
    learn(begun, 0)

    async def scenario():
        async with begun.serving() as tab:
            slow, quick = tab(), tab()
            assert steps_learnt(await slow.text("learning")) == [0]
            slow.gate.clear()
            seen = []
            for step in range(1, 4):
                learn(begun, step)
                begun.publish()  # blocks the slow tab's sender
                while step not in seen:
                    seen += steps_learnt(await quick.text("learning"))
            slow.gate.set()
            late = []
            while 3 not in late:
                late += steps_learnt(await slow.text("learning"))
            assert late == [1, 2, 3]

    asyncio.run(scenario())


def test_a_long_history_comes_in_parts(begun, monkeypatch):
    monkeypatch.setattr(messages, "MAX_LEARNING", 500)
    learn(begun, *range(12))

    async def scenario():
        async with begun.serving() as tab:
            one, parts = tab(), []
            while not parts or parts[-1][-1] < 11:
                parts.append(steps_learnt(await one.text("learning")))
            return parts

    parts = asyncio.run(scenario())
    assert len(parts) > 1
    assert [step for part in parts for step in part] == list(range(12))


def test_another_run_has_a_log_of_its_own(begun):
    learn(begun, 0, 1)

    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            assert (await one.text("learning"))["run"] == "run-1"
            begun.begin("run-2")
            begun.publish()
            learn(begun, 9)
            told = await one.text("learning")
            assert (told["run"], [entry["i"] for entry in told["entries"]]) == ("run-2", [0])

    asyncio.run(scenario())


def test_another_stage_is_greeted_anew_with_its_history(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            await one.get(is_batch)
            begun.publish(["tolled", "local"])
            hello = await one.text("hello")
            assert hello["stage"] == ["tolled", "local"]
            _, steps, values = batch(await one.get(is_batch))
            assert steps.tolist() == [0, 1]
            assert np.isnan(values[0, 1]).all()
            assert not np.isnan(values[1, 1]).all()

    asyncio.run(scenario())


def test_history_is_thinned_but_keeps_its_ends():
    assert messages.decimated(5).tolist() == [0, 1, 2, 3, 4]
    kept = messages.decimated(36_000)
    assert len(kept) == messages.HISTORY_ROWS
    assert (kept[0], kept[-1]) == (0, 35_999)
    assert np.diff(kept).max() <= 41


def test_status_and_control_come_when_they_change(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            assert (await one.text("control"))["version"] == 1
            begun.store.request({"speed": 5})
            assert (await one.text("control"))["speed"] == 5
            begun.publish()
            await one.get(lambda m: isinstance(m, dict) and m.get("step") == 1)
            assert (await one.text("status"))["step"] == 1  # a sign of life without news

    asyncio.run(scenario())


async def watched(site, *keys):
    """Wait until the engine is asked for these keys."""
    async with asyncio.timeout(WAIT_S):
        while site.store.watched() != keys:
            await asyncio.sleep(0.02)


def test_selections_of_all_tabs_are_watched_and_answered(begun):
    async def scenario():
        async with begun.serving() as tab:
            one, two = tab(), tab()
            frame = await one.frame()
            slot = int(wire.slots(frame)[7])
            vehicle = int(wire.vehicle_ids(begun.store.frame()[1])[7])
            one.say({"select": {"slot": slot}})
            two.say({"select": {"rsu": 3}})
            await watched(begun, "r:3", f"v:{vehicle}")
            begun.engine.explain({f"v:{vehicle}": {"kind": "vehicle", "type": "bus", "x": 1.5}})
            told = await one.text("inspect")
            assert (told["key"], told["vehicle_type"], told["x"]) == (f"v:{vehicle}", "bus", 1.5)
            with pytest.raises(TimeoutError):
                await two.text("inspect", 0.3)
            one.say({"select": None})
            await two.close()
            await watched(begun)

    asyncio.run(scenario())


BAD = (
    "", "x", "null", "[]", "{}", '{"ack":-1}', '{"ack":1.5}', '{"ack":true}', '{"ack":"1"}',
    '{"ack":99999999999}', '{"arm":3}', '{"arm":"' + "x" * 65 + '"}',
    '{"arms":"tolled"}', '{"arms":[3]}', '{"arms":["a","a"]}', '{"arms":["a","b","c","d","e","f"]}',
    '{"arms":[["a"]]}', '{"select":3}', '{"select":{"rsu":20}}', '{"select":{"slot":2000}}',
    '{"select":{"vehicle":-1}}',
    '{"select":{"slot":1,"rsu":2}}', '{"select":{"lamp":1}}', '{"ack":NaN}', '{"ack":1,"ack":2}',
    '{"ack":1,"arm":"local"}', "[" * 4000, '{"arm":"\\ud800"}', "9" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_messages_that_mean_nothing_are_answered_in_one_sentence(text):
    with pytest.raises(messages.MessageError, match=r"^[^\n]{5,120}\.$"):
        messages.read(text)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_no_message_ends_in_another_error(text):
    with contextlib.suppress(messages.MessageError):
        messages.read(text)


def test_nonsense_leaves_the_stream_running(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            first = await one.frame()
            for text in BAD:
                one.say(text)
                assert (await one.text("error"))["text"].endswith(".")
            one.say({"select": {"slot": 1999}})
            assert "slot" in (await one.text("error"))["text"]
            one.say({"ack": seq(first)})
            begun.publish()
            assert seq(await one.frame()) == 1

    asyncio.run(scenario())


def test_a_flood_of_messages_closes_the_tab(begun):
    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            await one.text("hello")
            for _ in range(2000):
                one.say({"ack": 1})
            await one.ended()
            assert one.code == 1008

    asyncio.run(scenario())


def test_tabs_are_counted(begun, monkeypatch):
    assert MAX_TABS == 100
    monkeypatch.setattr("app.stream.MAX_TABS", 2)

    async def scenario():
        async with begun.serving() as tab:
            for one in (tab(), tab()):
                await one.text("hello")
            third = tab()
            await third.ended()
            assert third.code == 1013

    asyncio.run(scenario())


def test_bound_may_be_on_stage_without_an_arm():
    status = {"stage": ["tolled", "bound", "best"]}
    assert messages.map_schemes(status, 3) == ["tolled", "bound", "best"]
    assert messages.map_schemes(status, 2) == ["tolled", "best"]
    assert messages.map_schemes(status, 1) == []


def test_the_newest_wish_to_inspect_is_written_last(begun, monkeypatch):
    real, written = begun.store.watch, []

    def slow(keys):
        if not written:
            time.sleep(0.3)
        real(keys)
        written.append(keys)

    monkeypatch.setattr(begun.store, "watch", slow)

    async def scenario():
        async with begun.serving() as tab:
            one = tab()
            await one.frame()
            for rsu in range(5):
                one.say({"select": {"rsu": rsu}})
                await asyncio.sleep(0.01)
            async with asyncio.timeout(WAIT_S):
                while not written:
                    await asyncio.sleep(0.01)
            await watched(begun, "r:4")
            await asyncio.sleep(0.3)
            assert written[-1] == ["r:4"], "nothing older is written after it"

    asyncio.run(scenario())
