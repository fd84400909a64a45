"""Pages beside the first one: each has a layout of its own in the same Dash application.

Dash knows one layout. What it asks for once a page is open, it asks for below a prefix that stands
in the page; so a page with the prefix `/compare/` gets the layout that is served there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dash import Dash
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.routes import PARTS

_PREFIX: Final = '"requests_pathname_prefix":"{}"'
#: The code in the browser of the first page, and of the one named after its address.
_SCRIPT: Final = 'src="/assets/{}/main.mjs"'


def routes(dash: Dash, path: str, layout: Callable[[], Component], title: str) -> list[BaseRoute]:
    """The addresses of one more page.

    Args:
        dash: the application, whose first page is at `/`.
        path: of the page, e.g. `/compare`; `assets/compare/main.mjs` is its code in the browser.
        layout: makes it.
        title: of the browser's tab.
    """

    async def index(_: Request) -> Response:
        page = dash.index()
        for before, after in (
            (_PREFIX.format("/"), _PREFIX.format(f"{path}/")),
            (_SCRIPT.format("live"), _SCRIPT.format(path.strip("/"))),
            (f"<title>{dash.title}</title>", f"<title>{title}</title>"),
        ):
            if before not in page:
                raise RuntimeError(f"the page has no {before}")
            page = page.replace(before, after)
        return Response(page, media_type="text/html")

    async def made(_: Request) -> Response:
        return Response(to_json_plotly(layout()), media_type="application/json")

    async def callbacks(_: Request) -> Response:
        answer: Response = dash.dependencies()
        return answer

    parts = zip(PARTS, (made, callbacks), strict=True)
    return [Route(path, index), *(Route(f"{path}/{part}", run) for part, run in parts)]
