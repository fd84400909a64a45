"""What went wrong with learning is said once each time it goes wrong."""

from __future__ import annotations

from engine import notices
from engine.learning.trainer import Learnt


def said(learnt, before, after):
    def status(state_message):
        return {"af-marl": dict(zip(("state", "message"), state_message, strict=True))}

    statuses = [{} if one is None else status(one) for one in (before, after)]
    return list(notices.learning(learnt, *statuses))


def test_rolled_back_weights_are_noticed() -> None:
    fine, astray = (Learnt(4, True, {}, (), trouble) for trouble in ("", "It went astray."))
    assert said([("af-marl", fine)], None, ("training", "")) == []
    told = said([("af-marl", astray)], None, ("training", ""))
    assert told == [("AF-MARL: It went astray", "warning")]


def test_a_lost_learner_is_noticed_once_each_time() -> None:
    fine, lost = ("training", ""), ("restarting", "It was killed.")
    assert said([], fine, lost) == [("AF-MARL: It was killed", "error")]
    assert said([], lost, lost) == []
    assert said([], lost, fine) == []
    assert said([], None, lost) == [("AF-MARL: It was killed", "error")]
    assert said([], lost, ("failed", "No more.")) == [("AF-MARL: No more", "error")]


def test_a_warning_of_a_learner_at_work_is_noticed_and_its_start_is_not() -> None:
    told = said([], ("training", ""), ("training", "The disk is full."))
    assert told == [("AF-MARL: The disk is full", "warning")]
    assert said([], None, ("starting", "The learner is starting.")) == []
    assert said([], ("training", "The disk is full."), ("off", "")) == []
