"""Processes killed, frozen, crowded out: what remains, and what the page says.

The engine is a stand-in here: these are the server's promises, whatever the engine does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
import websockets

from app import engine_process
from app.engine_process import EngineProcess
from tests.conftest import GONE_S, WAIT_S, free_port

pytestmark = pytest.mark.fault
APP = Path(__file__).resolve().parents[1] / "app"


class Server:
    """`iov-twin` with the stand-in engine, in a session of its own."""

    def __init__(self, folder, *options):
        self.port, self.store = free_port(), folder
        self.process = subprocess.Popen(
            [
                sys.executable, str(APP / "serve_fake.py"), "--no-browser", "--store", str(folder),
                "--port", str(self.port), *options,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "HERTZ": "10"},
        )  # fmt: skip
        self.tree = psutil.Process(self.process.pid)

    def get(self, path="/health"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S) as reply:
            return json.load(reply)

    def until(self, wanted):
        """The health for which `wanted` holds."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.communicate()
            with contextlib.suppress(OSError):
                health = self.get()["engine"]
                if wanted(health):
                    return health
            time.sleep(0.05)
        raise AssertionError("not in time")

    def running(self):
        return self.until(lambda engine: engine["state"] == "running")

    def family(self):
        return [self.tree, *self.tree.children(recursive=True)]

    def end(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in self.family():
                process.kill()
        self.process.communicate()


@pytest.fixture
def start(tmp_path):
    servers = []

    def started(*options, folder="store"):
        servers.append(Server(tmp_path / folder, *options))
        return servers[-1]

    yield started
    for server in servers:
        server.end()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_no_process_is_left_after_a_signal(start, name):
    server = start()
    server.running()
    family = server.family()
    assert len(family) == 2
    server.process.send_signal(getattr(signal, name))
    _, alive = psutil.wait_procs(family, timeout=GONE_S)
    assert not alive
    assert server.process.wait() == 0
    assert server.process.stderr.read() == ""


def test_open_tabs_do_not_hold_up_the_end(start):
    server = start()
    server.running()

    async def leave():
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/live/ws") as tab:
            await tab.recv()
            server.process.send_signal(signal.SIGINT)
            began = time.monotonic()
            await tab.wait_closed()
            return time.monotonic() - began

    family = server.family()
    assert asyncio.run(leave()) < GONE_S
    assert not psutil.wait_procs(family, timeout=GONE_S)[1]


def test_a_killed_server_takes_its_engine_along(start):
    server = start()
    server.running()
    family = server.family()
    server.process.kill()
    assert not psutil.wait_procs(family, timeout=GONE_S)[1]


def test_a_killed_engine_is_back_and_tabs_see_it(start):
    server = start()
    first = server.running()

    async def watch():
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/live/ws") as tab:
            os.kill(first["pid"], signal.SIGKILL)
            said = []
            while True:
                message = await asyncio.wait_for(tab.recv(), WAIT_S)
                if isinstance(message, bytes):
                    if message[:4] == b"IOVF":
                        await tab.send(json.dumps({"ack": int.from_bytes(message[8:12], "little")}))
                    continue
                status = json.loads(message)
                if status["type"] == "status":
                    said.append((status["state"], status["message"]))
                    if status["state"] == "running" and status["pid"] != first["pid"]:
                        return said

    said = asyncio.run(watch())
    assert ("starting", "The engine ended (killed by SIGKILL); it is started again.") in said


def test_an_engine_that_keeps_dying_is_left_alone(tmp_path):
    crash = (
        "import sys; print('2026-01-01 10:00:00,123 ERROR wheels came off', file=sys.stderr); "
        "print('2026-01-01 10:00:00,124 INFO run ended', file=sys.stderr); sys.exit(3)"
    )
    engine = EngineProcess([sys.executable, "-c", crash], tmp_path / "engine.log")
    engine.start()
    asyncio.run(asyncio.wait_for(engine.watch(), WAIT_S))
    shown = engine.overlay({})
    assert shown["state"] == "stopped"
    assert "restarted 5 times" in shown["message"]
    assert "exit status 3, last words: “wheels came off”" in shown["message"]
    assert (tmp_path / "engine.log").read_text().count("wheels") == 1 + engine_process.RESTARTS
    assert engine.pid is None


def test_a_frozen_engine_is_killed_and_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_process, "SILENCE_S", 0.5)
    beats = iter(range(1, 4))
    last = [0.0]

    def heartbeat():
        last[0] = next(beats, last[0])
        return last[0]

    nap = [sys.executable, "-c", "import time; time.sleep(60)"]
    engine = EngineProcess(nap, tmp_path / "engine.log", heartbeat)

    async def scenario():
        engine.start()
        first = engine.pid
        watching = asyncio.create_task(engine.watch())
        async with asyncio.timeout(WAIT_S):
            while engine.pid in (first, None):
                await asyncio.sleep(0.05)
        watching.cancel()
        return first

    first = asyncio.run(scenario())
    try:
        assert not psutil.pid_exists(first)
        assert "SIGKILL" in engine.overlay({})["message"]
    finally:
        engine.stop()


def test_an_engine_that_ignores_the_request_to_end_is_killed(tmp_path):
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(1, flush=True); time.sleep(300)"
    )
    log = tmp_path / "engine.log"
    engine = EngineProcess([sys.executable, "-c", deaf], log)
    engine.start()
    pid = engine.pid
    while not log.read_text():
        time.sleep(0.02)
    began = time.monotonic()
    engine.stop(0.3)
    assert time.monotonic() - began < GONE_S
    assert not psutil.pid_exists(pid)


def test_what_an_earlier_engine_said_is_not_shown_as_news(tmp_path):
    nap = [sys.executable, "-c", "import time; time.sleep(60)"]
    engine = EngineProcess(nap, tmp_path / "engine.log")
    old = {"state": "running", "run": "last-week", "pid": 1, "step": 7}
    engine.start()
    try:
        shown = engine.overlay(old)
        assert (shown["state"], shown.get("run")) == ("starting", None)
        own = {"state": "running", "run": "today", "pid": engine.pid}
        assert engine.overlay(own) == own
    finally:
        engine.stop()
    assert engine.overlay(own)["state"] == "stopped"


def test_a_second_server_on_the_same_store_says_so(start, tmp_path):
    first = start()
    first.running()
    second = start()
    out, error = second.process.communicate(timeout=WAIT_S)
    assert second.process.returncode == 1
    assert out == ""
    assert error.count("\n") == 1
    assert f"process {first.process.pid}" in error
    assert "--store" in error
    assert first.get()["engine"]["state"] == "running"


def run(*options, **kwargs):
    command = [sys.executable, str(APP / "serve_fake.py"), "--no-browser", *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=WAIT_S, check=False, **kwargs
    )


def test_a_taken_port_is_said_in_one_sentence(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = run("--port", str(port), "--store", str(tmp_path / "x"))
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"iov-twin: Port {port} on 127.0.0.1 is taken by another program")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--host", "0.0.0.0"], "--share"),
        (["--vehicles", "nan"], "vehicles='nan' is not possible"),
        (["--wings", "2"], "--wings"),
        (["--vehicle", "2"], "--vehicle"),
        (["--schemes", "magic"], "There is no scheme 'magic'"),
        (["--mobility", "/nowhere.npz"], "There is no trace /nowhere.npz"),
        (["--port", "99999"], "0 to 65535"),
        (["--deadline", "0.9:0.2"], "deadline"),
    ],
)
def test_bad_options_end_with_status_2_and_one_sentence(tmp_path, options, word):
    ran = run("--store", str(tmp_path / "x"), *options)
    assert ran.returncode == 2
    assert word in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_store_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    ran = run("--store", str(tmp_path / "file"), "--port", "0")
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "--store" in ran.stderr


def test_only_this_machine_is_answered(start):
    server = start()
    server.running()
    listening = [c.laddr.ip for c in server.tree.net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


def test_raw_nonsense_on_the_wire_ends_in_no_traceback(start):
    server = start()
    server.running()
    for raw in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://evil/ HTTP/1.1\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
        b"POST /live/control HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /live/ws HTTP/1.1\r\nHost: evil\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        answer = b""
        # Closed before all was read, a connection ends in a reset, with or without an answer.
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S) as wire,
        ):
            wire.sendall(raw)
            answer = wire.recv(4096)
        assert answer == b"" or answer.split()[1][:1] == b"4", answer
    assert server.get()["engine"]["state"] == "running"
    server.process.send_signal(signal.SIGINT)
    _, error = server.process.communicate(timeout=WAIT_S)
    assert "Traceback" not in error


def test_sharing_prints_a_link_that_makes_an_operator(start):
    server = start("--share", "--host", "127.0.0.1")
    server.running()
    link = server.process.stdout.readline().split()[-1]
    assert link.startswith(f"http://127.0.0.1:{server.port}/?token=")
    patch = urllib.request.Request(
        link.partition("?")[0] + "live/control",
        b'{"speed":2}',
        {"content-type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(patch, timeout=WAIT_S)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert opener.open(link, timeout=WAIT_S).status == 200
    assert json.load(opener.open(patch, timeout=WAIT_S))["version"] > 1


def test_readers_that_stall_cost_the_others_nothing(start):
    server = start("--vehicles", "500")
    server.running()
    handshake = (
        f"GET /live/ws HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as stalled:
        for _ in range(10):
            wire = stalled.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            wire.sendall(handshake)

        async def frames():
            """Numbers of the frames a tab gets while the engine makes twenty."""
            seen = []
            async with websockets.connect(f"ws://127.0.0.1:{server.port}/live/ws") as tab:
                while not seen or seen[-1] < seen[0] + 20:
                    message = await asyncio.wait_for(tab.recv(), WAIT_S)
                    if isinstance(message, bytes) and message[:4] == b"IOVF":
                        seen.append(int.from_bytes(message[8:12], "little"))
                        await tab.send(json.dumps({"ack": seen[-1]}))
            return seen

        assert len(asyncio.run(frames())) >= 12
