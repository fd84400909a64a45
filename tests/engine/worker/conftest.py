"""Trainers of the toy learner, and what they have said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.learning.trainer import News
from engine.params import Params
from engine.worker import WorkerTrainer
from tests.conftest import WAIT_S


class Fed:
    """A trainer with what it has said so far."""

    def __init__(self, trainer: WorkerTrainer) -> None:
        self.trainer = trainer
        self.pids = {trainer.pid}
        self.steps: list[int] = []
        self.learnt, self.messages, self.dropped = [], [], 0
        self.weights: dict = {}

    def poll(self) -> News:
        news = self.trainer.poll()
        self.learnt += news.learnt
        self.weights |= news.weights or {}
        self.dropped += news.dropped
        self.pids.add(self.trainer.pid)
        if not self.messages or self.messages[-1] != (news.state, news.message):
            self.messages.append((news.state, news.message))
        return news

    def until(self, wanted: Callable[[News], object], limit_s: float = WAIT_S) -> News:
        give_up = time.monotonic() + limit_s
        while time.monotonic() < give_up:
            news = self.poll()
            if wanted(news):
                return news
            time.sleep(0.005)
        pytest.fail(f"waited in vain; it said {self.messages}, learnt {len(self.learnt)}")

    def train(self) -> News:
        """Wait until it is ready."""
        return self.until(lambda news: news.state == "training")

    def teach(self, step: int, order: str = "") -> News:
        """Feed one step and wait until it is learnt from."""
        self.trainer.feed((step, order))
        return self.until(lambda _: self.learnt and self.learnt[-1].step == step)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the system's temporary one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def open_toy(toy: None, temporary: Path) -> Iterator[Callable[..., Fed]]:
    opened: list[Fed] = []

    def start(policy: Path | None = None, seed: int = 0) -> Fed:
        opened.append(Fed(WorkerTrainer("toy", Params(), seed, policy)))
        return opened[-1]

    yield start
    for fed in opened:
        fed.trainer.close()
    assert list(temporary.iterdir()) == []
