"""The addresses the server answers at, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

#: Pages of the dashboard.
PAGES: Final = ("/", "/compare")
STREAM: Final = "/live/ws"
CONTROL: Final = "/live/control"
CONTEST: Final = "/api/contest"
SHIPPED_CONTESTS: Final = "/api/contest/shipped"
KEPT_CONTESTS: Final = "/api/contest/kept"
CONTEST_EXPORT: Final = "/api/contest/export"
FORK: Final = "/live/fork"
CALLBACK: Final = "/_dash-update-component"
BUNDLES: Final = "/_dash-component-suites/"
#: What a run id looks like; it is looked up, never joined to a path.
RUN_ID: Final = r"[a-z0-9-]{1,64}"

#: What Dash asks for on a page; below its own address on every page but the first.
PARTS: Final = (
    "_dash-layout",
    "_dash-dependencies",
    "_dash-component-suites/plotly/package_data/plotly.min.js",
)
_GET: Final = frozenset({"GET", "HEAD"})
_EXACT: Final = {
    **dict.fromkeys(PAGES, frozenset({"GET"})),
    "/health": _GET,
    CONTROL: frozenset({"GET", "HEAD", "POST"}),
    CONTEST: frozenset({"GET", "HEAD", "POST", "DELETE"}),
    SHIPPED_CONTESTS: _GET,
    KEPT_CONTESTS: _GET,
    CONTEST_EXPORT: _GET,
    FORK: _GET,
    **{f"{page.rstrip('/')}/{part}": frozenset({"GET"}) for page in PAGES for part in PARTS},
    "/_favicon.ico": frozenset({"GET"}),
    CALLBACK: frozenset({"POST"}),
}
_PATTERNS: Final = (
    (re.compile(r"/assets/[A-Za-z0-9_./-]{1,200}"), _GET),
    (re.compile(rf"{BUNDLES}[A-Za-z0-9_-]+/[A-Za-z0-9_.@/-]{{1,200}}"), frozenset({"GET"})),
    (re.compile(rf"/live/static/{RUN_ID}"), _GET),
    (re.compile(rf"/live/metrics/{RUN_ID}\.(csv|parquet)"), _GET),
    (re.compile(rf"/live/learning/{RUN_ID}\.(csv|json)"), _GET),
)


def verbs(path: str, is_bundle: Callable[[str], bool]) -> frozenset[str]:
    """The verbs `path` answers to; none when there is no such address.

    Args:
        path: of the request, decoded.
        is_bundle: says whether a script address below `BUNDLES` belongs to the page.
    """
    if path in _EXACT:
        return _EXACT[path]
    if path.startswith(BUNDLES) and not is_bundle(path.removeprefix(BUNDLES)):
        return frozenset()
    return next((v for pattern, v in _PATTERNS if pattern.fullmatch(path)), frozenset())
