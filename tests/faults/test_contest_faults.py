"""Contests whose process, traffic, server or disk is lost: a clear state, and nothing left over."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from app import contests as contests_module
from app.contests import Contests
from engine.contest_job import Request
from engine.disk import StoreError
from tests.conftest import GONE_S, WAIT_S
from tests.faults.test_server_faults import Server
from tests.processes import running

pytestmark = pytest.mark.fault
LONG = {
    "seeds": 30,
    "steps": 600,
    "schemes": ["myopic", "tolled"],
    "params": {"vehicles": 20},
}


@pytest.fixture
def contests(tmp_path):
    (tmp_path / "store").mkdir()
    contests = Contests(tmp_path / "store", "synthetic")
    yield contests
    contests.stop(0.0)


def until(contests, wanted):
    end = time.monotonic() + WAIT_S
    while not wanted(state := contests.state()):
        assert time.monotonic() < end, state
        time.sleep(0.02)
    return state


def the_process():
    """The one that plays."""
    found = running("engine.contest_process", psutil.Process().children())
    assert len(found) == 1
    return found[0]


def test_a_killed_contest_says_so_and_keeps_what_is_done(contests, tmp_path):
    contests.start(Request.parse(LONG))
    until(contests, lambda state: state["done"] >= 1)
    the_process().kill()
    state = until(contests, lambda state: state["state"] != "running")
    assert state["state"] == "failed"
    done = state["done"]
    assert state["message"] == (
        f"The contest ended (killed by SIGKILL); {done} of 30 seeds are kept."
    )
    assert len(state["contest"]["seeds"]) == done >= 1
    assert Contests(tmp_path / "store").state()["contest"] == state["contest"]
    contests.start(Request.parse({**LONG, "seeds": 3, "steps": 30}))
    assert until(contests, lambda state: state["state"] != "running")["state"] == "done"


def test_a_contest_that_hangs_is_ended(contests, monkeypatch):
    contests.start(Request.parse(LONG))
    until(contests, lambda state: state["done"] >= 1)
    process = the_process()
    process.suspend()
    monkeypatch.setattr(contests_module, "SILENCE_S", 1.0)
    state = until(contests, lambda state: state["state"] != "running")
    assert state["state"] == "failed"
    assert "said nothing for" in state["message"]
    assert not psutil.wait_procs([process], timeout=GONE_S)[1]
    assert contests.state() == state


def test_a_contest_that_ignores_the_request_to_end_is_killed(contests):
    contests.start(Request.parse(LONG))
    until(contests, lambda state: state["done"] >= 1)
    process = the_process()
    process.suspend()  # it takes no signal now
    contests.stop(0.2)
    assert not psutil.wait_procs([process], timeout=GONE_S)[1]
    state = contests.state()
    assert (state["state"], len(state["contest"]["seeds"])) == ("cancelled", state["done"])


@pytest.mark.parametrize("room", [0, 150_000], ids=["at once", "on the way"])
def test_a_full_disk_ends_a_contest_with_a_clear_word(contests, tmp_path, room):
    contests.start(Request.parse({**LONG, "seeds": 3, "steps": 30}))
    until(contests, lambda state: state["state"] == "done")
    size = max(file.stat().st_size for file in (tmp_path / "store" / "job").glob("cache.db*"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, limits[1]))
    try:
        contests.start(Request.parse({**LONG, "steps": 30}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    state = until(contests, lambda state: state["state"] != "running")
    assert state["state"] == "failed"
    assert "the store could not be written" in state["message"]
    assert "\n" not in state["message"]
    kept = 0 if state["contest"] is None else len(state["contest"]["seeds"])
    assert state["done"] == kept >= (room > 0)
    contests.start(Request.parse({**LONG, "seeds": 3, "steps": 30}))
    assert until(contests, lambda state: state["state"] != "running")["state"] == "done"


def test_a_deleted_store_is_written_anew(contests, tmp_path):
    contests.start(Request.parse(LONG))
    until(contests, lambda state: state["done"] >= 1)
    for file in (tmp_path / "store" / "job").iterdir():
        file.unlink()
    state = until(contests, lambda state: state["contest"] and state["done"] >= 2)
    assert state["state"] == "running"
    assert state["contest"]["seeds"][:2] == [1000, 1001]


def test_a_damaged_record_does_not_stop_the_next_contest(contests, tmp_path):
    contests.start(Request.parse({**LONG, "seeds": 3, "steps": 30}))
    until(contests, lambda state: state["state"] == "done")
    for file in (tmp_path / "store" / "job").glob("cache.db*"):  # its log may hold all of it, too
        if not file.name.endswith("-shm"):
            file.write_bytes(b"\xff" * file.stat().st_size)
    contests.start(Request.parse({**LONG, "seeds": 3, "steps": 30}))
    end = time.monotonic() + WAIT_S
    while True:
        assert time.monotonic() < end
        set_aside = list((tmp_path / "store").glob("job.corrupt.*"))
        with contextlib.suppress(StoreError):  # of the damaged one, until it is seen to be another
            if set_aside and contests.state()["state"] == "done":
                break
        time.sleep(0.02)


@pytest.mark.sumo
def test_lost_traffic_fails_the_contest_and_says_why(tmp_path):
    (tmp_path / "store").mkdir()
    contests = Contests(tmp_path / "store", "sumo")
    contests.start(Request.parse(LONG))
    try:
        end = time.monotonic() + WAIT_S
        while (state := contests.state())["state"] == "running":
            assert time.monotonic() < end, state
            with contextlib.suppress(psutil.NoSuchProcess, AssertionError):
                for child in the_process().children():
                    child.kill()
            time.sleep(0.02)
        assert state["state"] == "failed"
        assert state["message"].startswith("SUMO was killed (SIGKILL), on one seed after another")
    finally:
        contests.stop(0.0)


class TestServer:
    """A real server: what its end means for the contest and its SUMO."""

    @pytest.fixture
    def server(self, tmp_path):
        server = Server(tmp_path / "store")
        yield server
        server.end()

    @staticmethod
    def ask(server, method="GET", body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/api/contest",
            json.dumps(body).encode() if body is not None else None,
            {"content-type": "application/json"} if body is not None else {},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
            return json.load(reply)

    def playing(self, server):
        """Begin a contest on SUMO; gives all processes once it plays: server, engine, it, SUMO."""
        server.running()
        self.ask(server, "POST", LONG)
        end = time.monotonic() + WAIT_S
        while True:
            assert time.monotonic() < end, self.ask(server)
            with contextlib.suppress(psutil.NoSuchProcess):
                family = server.family()
                if len(family) == 4 and any("sumo" in process.name() for process in family):
                    return family
            time.sleep(0.05)

    @pytest.mark.sumo
    @pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
    def test_a_server_takes_contest_and_sumo_along(self, server, name):
        family = self.playing(server)
        server.process.send_signal(getattr(signal, name))
        assert not psutil.wait_procs(family, timeout=GONE_S)[1]
        if name != "SIGKILL":
            assert server.process.wait() == 0
            assert server.process.stderr.read() == ""

    @pytest.mark.sumo
    def test_cancelling_leaves_no_process(self, server):
        family = self.playing(server)
        assert self.ask(server, "DELETE")["state"] == "cancelled"
        _, alive = psutil.wait_procs(family[1:], timeout=1.0)
        assert len(alive) == 1  # the engine
        assert server.get()["engine"]["state"] == "running"

    @pytest.mark.sumo
    def test_the_next_server_shows_what_the_killed_one_had_done(self, server, tmp_path):
        self.playing(server)
        server.process.kill()
        server.process.wait()
        again = Server(tmp_path / "store")
        try:
            again.running()
            state = self.ask(again)
            assert state["state"] == "failed"
            assert state["message"].startswith("The contest ended with the server that played it; ")
        finally:
            again.end()


def test_a_contest_gives_way_to_the_live_engine(contests):
    contests.start(Request.parse(LONG))
    until(contests, lambda state: state["done"] >= 1)
    process = the_process()
    assert process.nice() == min(19, psutil.Process().nice() + 5)
    assert process.environ()["OMP_NUM_THREADS"] == "1"
    assert os.getpgid(process.pid) == process.pid


def test_a_contest_process_without_its_server_ends_at_once(tmp_path):
    ran = subprocess.run(
        [
            sys.executable, "-m", "engine.contest_process", "--parent", "1", "--store",
            str(tmp_path), "--job", "x", "--request", json.dumps(LONG), "--mobility", "synthetic",
        ],
        timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
