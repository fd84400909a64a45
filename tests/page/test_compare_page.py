"""The Compare page: its layout beside Live's, and what it compares by."""

from __future__ import annotations

from app.fork_figure import futures
from app.layout import FURTHER
from app.measure import MEASURES
from app.routes import PAGES
from engine.metrics import METRICS
from engine.params import METAS
from engine.statistics import BETTER
from tests.page.test_controls import ids, walk


def test_every_page_has_an_address_and_a_layout() -> None:
    assert set(PAGES) == {"/", *FURTHER}


def test_no_two_elements_of_the_page_share_an_id() -> None:
    for _, layout in FURTHER.values():
        told = ids(layout())
        assert len(told) == len(set(told))


def test_a_fork_can_change_what_takes_effect_at_once_and_nothing_else() -> None:
    _, layout = FURTHER["/compare"]
    told = {getattr(c, "data-param") for c in walk(layout()) if hasattr(c, "data-param")}
    assert told == {name for name, meta in METAS.items() if meta.live and name != "train"}


def test_measures_are_metrics_that_contests_judge_the_same_way() -> None:
    assert {m.column: m.better for m in MEASURES} == BETTER
    assert {m.column for m in MEASURES} <= set(METRICS)


def test_the_figure_of_a_fork_says_what_its_axes_are() -> None:
    layout = futures().layout
    assert layout.yaxis.domain[0] > layout.yaxis2.domain[1], "futures above, differences below"
    assert "time" in layout.xaxis.title.text


def test_the_bar_says_which_page_it_is() -> None:
    _, layout = FURTHER["/compare"]
    links = [c for c in walk(layout()) if getattr(c, "className", "") == "nav-link"]
    current = [link.href for link in links if getattr(link, "aria-current", "") == "page"]
    assert ([link.href for link in links], current) == (["/", "/compare"], ["/compare"])
