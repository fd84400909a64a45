"""Training while people watch: the switch, what it brings, and what a scheme believed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.store import Store
from tests.browser.live_server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.sumo, pytest.mark.timeout(400)]
#: The worker shares its cores with SUMO, the engine and the browser.
LEARNS_S = 200.0
LEARNER = "af-marl"
SEEN = """() => {
  const empty = (name) => !document.querySelector(`.card[data-panel=${name}] .card-empty`).hidden;
  return {
    losses: document.querySelector('#chart-losses .js-plotly-plot').data
      .filter(({ meta, x }) => meta.loss && x.length).map(({ meta }) => meta.loss),
    summary: document.getElementById('fed-summary').textContent,
    empty: ['losses', 'federation'].map(empty),
    note: document.getElementById('learning-note').textContent,
  };
}"""


def test_schemes_train_at_the_flip_of_a_switch(page: Any, server: Server, store: Store) -> None:
    page.locator("#chart-tabs [data-charts=learning]").click()
    try:
        until(lambda: page.evaluate(SEEN)["empty"] == [True, True], "training is off")
        page.locator(".card[data-panel=losses] .card-empty button").click()
        until(lambda: server.status["params"]["train"], "the engine trains")

        def learnt() -> Any:
            seen = page.evaluate(SEEN)
            is_told = seen["losses"] and seen["summary"] and seen["empty"] == [False, False]
            return seen if is_told else None

        seen = until(learnt, "losses and rounds", lambda: page.evaluate(SEEN), LEARNS_S)
        entries = store.learning(server.status["run"])
        assert set(seen["losses"]) <= {name for entry in entries for name in entry["losses"]}
        assert any(entry["rounds"] for entry in entries)
        assert seen["summary"].startswith("AF-MARL, last ")
        assert "AF-MARL learns" in seen["note"]
        server.wish({"params": {"train": False}})
        until(lambda: "not learn now" in page.evaluate(SEEN)["note"], "it is off again")
        assert page.evaluate(SEEN)["empty"] == [False, False], "what was learnt stays to be seen"
    finally:
        server.wish({"params": {"train": False}})
        page.locator("#chart-tabs [data-charts=results]").click()
