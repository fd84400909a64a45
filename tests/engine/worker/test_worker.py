"""A learner in a process of its own: fed without waiting, watched, restarted, never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import learner_process, worker
from engine.handover import GoneError, Handover
from engine.params import Params
from engine.restarts import RESTARTS
from engine.worker import QUEUE, WorkerTrainer
from tests.conftest import GONE_S

ROOT = Path(__file__).resolve().parents[3]


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_learns_in_order_and_hands_over_weights(open_toy) -> None:
    fed = open_toy()
    assert fed.poll().state == "starting"
    fed.train()
    assert fed.weights["count"].tolist() == [0]
    for step in range(20):
        fed.teach(step)
    assert [learnt.step for learnt in fed.learnt] == list(range(20))
    assert fed.learnt[4].losses["critic"] == pytest.approx(0.2)
    assert fed.messages == [("starting", "The learner is starting."), ("training", "")]
    time.sleep(learner_process.WEIGHTS_S)
    fed.teach(20)
    assert fed.weights["count"].tolist() == [21]


def test_weights_come_at_most_once_a_second(open_toy) -> None:
    fed = open_toy()
    fed.train()
    begun, came = time.monotonic(), 0
    step = 0
    while time.monotonic() - begun < 2.5:
        came += fed.teach(step).weights is not None
        step += 1
    assert 1 <= came <= 2 < step


def test_its_generator_follows_from_the_seed(open_toy) -> None:
    drawn = []
    for seed in (1, 1, 2):
        fed = open_toy(seed=seed)
        fed.train()
        drawn.append(float(fed.weights["drawn"][0]))
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_it_cannot_keep_up_with_is_dropped_and_counted(open_toy) -> None:
    fed = open_toy()
    fed.train()
    fed.trainer.feed((0, "sleep 1.0"))
    for step in range(1, 30):
        fed.trainer.feed((step, ""))
    fed.until(lambda _: len(fed.learnt) == QUEUE)
    assert [learnt.step for learnt in fed.learnt] == list(range(QUEUE))
    assert fed.dropped == 30 - QUEUE
    fed.teach(30)  # there is room again
    assert fed.dropped == 30 - QUEUE


def test_no_call_waits_for_a_busy_learner(open_toy) -> None:
    fed = open_toy()
    fed.train()
    fed.trainer.feed((0, "sleep 2"))
    load = np.zeros((200, 10, 13))  # as much as 200 vehicles have to tell
    slowest = 0.0
    for step in range(1, 60):
        begun = time.thread_time()
        fed.trainer.feed((step, "", load))
        fed.poll()
        slowest = max(slowest, time.thread_time() - begun)
    assert slowest < 0.01
    assert fed.learnt == []


@pytest.mark.fault
def test_a_killed_learner_goes_on_from_its_checkpoint(open_toy, monkeypatch) -> None:
    fed = open_toy()
    fed.train()
    for step in range(5):
        fed.teach(step)
    fed.teach(5, "astray")  # weights went back: a checkpoint is kept at once
    assert fed.learnt[-1].trouble == "It went astray."
    fed.until(lambda _: (fed.trainer._folder / "state").exists())
    fed.teach(6)
    first = fed.trainer.pid
    os.kill(first, signal.SIGKILL)
    news = fed.until(lambda news: news.state == "restarting")
    assert news.message.startswith("The learner was killed (SIGKILL); learning goes on from its")
    fed.train()
    assert fed.trainer.pid != first
    assert not runs(first)
    assert fed.weights["count"].tolist() == [6]
    fed.teach(7)
    assert fed.learnt[-1].losses["critic"] == pytest.approx(1 / 7)
    assert fed.messages[-1] == ("training", "")


@pytest.mark.fault
def test_what_waited_for_a_killed_learner_counts_as_dropped(open_toy) -> None:
    fed = open_toy()
    fed.train()
    fed.trainer.feed((0, "hang"))
    fed.trainer.feed((1, ""))
    os.kill(fed.trainer.pid, signal.SIGKILL)
    fed.until(lambda news: news.state == "restarting")
    assert fed.dropped == 2
    fed.train()
    fed.teach(2)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("raise", "The learner failed (ZeroDivisionError: see the log)"),
        ("exit", "The learner ended (exit status 3)"),
    ],
)
def test_a_learner_that_fails_is_started_again(open_toy, order: str, said: str) -> None:
    fed = open_toy()
    fed.train()
    fed.trainer.feed((0, order))
    news = fed.until(lambda news: news.state == "restarting")
    assert news.message == f"{said}; learning goes on from where it began."
    fed.train()
    fed.teach(1)


@pytest.mark.fault
def test_a_learner_that_hangs_is_ended_and_started_again(open_toy, monkeypatch) -> None:
    monkeypatch.setattr(worker, "SILENCE_S", 1.0)
    fed = open_toy()
    fed.train()
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5:  # idle is not hanging
        assert fed.poll().state == "training"
        time.sleep(0.05)
    first = fed.trainer.pid
    fed.trainer.feed((0, "hang"))
    begun = time.monotonic()
    news = fed.until(lambda news: news.state == "restarting")
    assert 0.9 < time.monotonic() - begun < GONE_S
    assert "said nothing for 1 s and was ended" in news.message
    assert not runs(first)
    fed.train()
    fed.teach(1)


@pytest.mark.fault
def test_a_learner_that_turns_in_circles_is_ended_and_one_that_is_starved_is_not(
    open_toy, monkeypatch
) -> None:
    monkeypatch.setattr(worker, "SILENCE_S", 1.0)
    fed = open_toy()
    fed.train()
    real = worker._activity
    monkeypatch.setattr(worker, "_activity", lambda pid: (True, real(pid)[1]))
    fed.trainer.feed((0, "sleep 2.0"))  # ready to run, as it seems, but without a processor
    fed.until(lambda _: fed.learnt)
    assert fed.messages[-1] == ("training", "")
    monkeypatch.setattr(worker, "_activity", real)
    fed.trainer.feed((1, "circle"))
    assert "said nothing for 1 s" in fed.until(lambda news: news.state == "restarting").message


@pytest.mark.fault
def test_an_engine_that_slept_does_not_blame_the_learner(open_toy, monkeypatch) -> None:
    monkeypatch.setattr(worker, "SILENCE_S", 3.0)
    fed = open_toy()
    fed.train()
    fed.trainer.feed((0, "sleep 0.5"))
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 1000.0)
    assert fed.poll().state == "training"


@pytest.mark.fault
def test_a_learner_that_keeps_failing_is_left_alone(open_toy) -> None:
    fed = open_toy()
    for turn in range(RESTARTS + 1):
        fed.train()
        fed.trainer.feed((turn, "raise"))
        fed.until(lambda news: news.state != "training")
    news = fed.poll()
    assert news.state == "failed"
    assert news.message == (
        "The learner failed (ZeroDivisionError: see the log); started anew 5 times within a "
        "minute, so it learns no more: reset to try again."
    )
    assert fed.trainer.pid is None
    fed.trainer.feed((9, ""))
    assert fed.poll() == news
    fed.trainer.close()


@pytest.mark.fault
def test_a_policy_that_cannot_be_used_fails_at_once(open_toy, tmp_path: Path) -> None:
    fed = open_toy(tmp_path / "broken")
    news = fed.until(lambda news: news.state == "failed")
    assert "broken is no policy of IoV Twin, so it learns no more" in news.message


@pytest.mark.fault
def test_a_learner_that_cannot_begin_is_left_alone(open_toy, tmp_path: Path) -> None:
    fed = open_toy(tmp_path / "crash")
    news = fed.until(lambda news: news.state == "failed", 60.0)
    assert "ended (exit status 4); started anew 5 times" in news.message


@pytest.mark.fault
def test_a_damaged_checkpoint_is_said_and_learning_begins_anew(open_toy) -> None:
    fed = open_toy()
    fed.train()
    fed.teach(0, "astray")
    file = fed.trainer._folder / "state"
    fed.until(lambda _: file.exists())
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    os.kill(fed.trainer.pid, signal.SIGKILL)
    fed.until(lambda news: news.state == "restarting")
    news = fed.train()
    assert news.message.startswith("Learning begins anew, its checkpoint cannot be used: ")
    assert "is damaged" in news.message
    fed.teach(1)
    assert fed.learnt[-1].losses["critic"] == 1.0


@pytest.mark.fault
def test_a_checkpoint_that_cannot_be_kept_is_said(open_toy) -> None:
    fed = open_toy()
    fed.train()
    (fed.trainer._folder / "state").mkdir()
    fed.teach(0, "astray")
    fed.teach(1)
    assert fed.poll().message.startswith("No checkpoint of the learner can be kept (")
    assert fed.poll().state == "training"


def test_it_is_nice_has_one_thread_and_is_out_of_the_terminals_reach(open_toy) -> None:
    fed = open_toy()
    fed.train()
    process = psutil.Process(fed.trainer.pid)
    assert process.nice() == min(19, os.nice(0) + 5)
    assert os.getpgid(process.pid) == process.pid
    assert os.getsid(process.pid) == os.getsid(0)  # the scheduler weighs niceness in a session only
    process.send_signal(signal.SIGINT)
    fed.teach(0)
    assert fed.learnt[0].losses["threads"] == 1.0


def test_closing_ends_it_at_once_and_removes_its_folder(open_toy) -> None:
    fed = open_toy()
    fed.train()
    pid, folder = fed.trainer.pid, fed.trainer._folder
    fed.trainer.feed((0, "hang"))
    begun = time.monotonic()
    fed.trainer.close()
    assert time.monotonic() - begun < GONE_S
    assert not runs(pid)
    assert not folder.exists()
    fed.trainer.close()


@pytest.mark.fault
def test_it_ends_with_a_killed_engine_and_the_next_one_clears_up(toy, temporary: Path) -> None:
    code = (
        "import sys, tempfile, time\n"
        "from engine.params import Params\n"
        "from engine.worker import WorkerTrainer\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "trainer = WorkerTrainer('toy', Params(), 0)\n"
        "while trainer.poll().state != 'training': time.sleep(0.01)\n"
        "trainer.feed((0, 'sleep 3600'))\n"
        "print(trainer.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(temporary)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as engine:
        pid = int(engine.stdout.readline())
        assert runs(pid)
        engine.kill()
    give_up = time.monotonic() + GONE_S
    while runs(pid) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not runs(pid)
    (left,) = temporary.iterdir()
    long_ago = time.time() - 3600
    os.utime(left, (long_ago, long_ago))
    WorkerTrainer("toy", Params(), 0).close()
    assert list(temporary.iterdir()) == []


def test_clearing_up_spares_what_is_held_or_strange(toy, temporary: Path, tmp_path: Path) -> None:
    trainer = WorkerTrainer("toy", Params(), 0)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").write_text("mine")
    link = temporary / "iov-twin-learner-link"
    link.symlink_to(precious)
    long_ago = time.time() - 3600
    for path in (trainer._folder, precious):
        os.utime(path, (long_ago, long_ago))
    os.utime(link, (long_ago, long_ago), follow_symlinks=False)
    other = WorkerTrainer("toy", Params(), 0)
    assert trainer._folder.exists()
    assert (precious / "lock").read_text() == "mine"
    trainer.close()
    other.close()


def test_nobody_at_the_other_end_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    link = Handover(ours)
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        link.receive()
    other = Handover(theirs)
    big = np.arange(10**6)
    other.send(big)
    other.close()
    np.testing.assert_array_equal(link.receive(), big)  # what was sent before the end counts
    with pytest.raises(GoneError):
        link.receive()
    with pytest.raises(GoneError):
        link.send(1)
    link.close()
