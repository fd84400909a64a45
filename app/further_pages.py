"""Pages beside the first one: each has a layout of its own in the same Dash application.

Dash knows one layout. What it asks for once a page is open, it asks for below a prefix that stands
in the page; so a page with the prefix `/compare/` gets the layout that is served there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from dash import Dash
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.routes import PARTS

#: Title of the browser's tab, and what makes the page, by path.
Further = Mapping[str, tuple[str, Callable[[], Component]]]
_PREFIX: Final = '"requests_pathname_prefix":{}'
#: The code in the browser of the first page; that of `/compare` is in `assets/compare`.
_SCRIPT: Final = 'src="/assets/{}/main.mjs"'


#: The further page that is being made, "" for the first one.
_asked: Final[ContextVar[str]] = ContextVar("asked", default="")


class _Index:
    """The HTML of a further page: Dash's own, made while `_asked` says of which page."""

    def __init__(self, server: ASGIApp, path: str) -> None:
        self._server, self._path = server, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _asked.set(self._path)
        try:
            await self._server({**scope, "path": "/", "raw_path": b"/"}, receive, send)
        finally:
            _asked.reset(token)


class PagedDash(Dash):
    """Dash whose page is at `/`, with further pages.

    Args:
        name: of the application.
        further: the other pages.
        options: those of Dash.
    """

    def __init__(self, name: str, *, further: Further, **options: Any) -> None:
        super().__init__(name, **options)
        self._further = further

    def interpolate_index(self, *args: Any, **parts: Any) -> str:
        """The HTML of the page that is asked for."""
        path = _asked.get()
        page: str = super().interpolate_index(*args, **parts)
        if not path:
            return page
        for before, after in (
            (_PREFIX.format(_json("/")), _PREFIX.format(_json(f"{path}/"))),
            (_SCRIPT.format("live"), _SCRIPT.format(path.strip("/"))),
            (f"<title>{self.title}</title>", f"<title>{self._further[path][0]}</title>"),
        ):
            if before not in page:
                raise RuntimeError(f"the page has no {before}")
            page = page.replace(before, after)
        return page

    def further_routes(self) -> list[BaseRoute]:
        """Where the other pages are, their layouts, and what is the same for all pages."""

        async def callbacks(_: Request) -> Response:
            answer: Response = self.dependencies()
            return answer

        async def plotly(_: Request) -> Response:
            return RedirectResponse(f"/{PARTS[2]}", 308)

        def layout(made: Callable[[], Component]) -> Callable[[Request], Any]:
            async def answer(_: Request) -> Response:
                return Response(to_json_plotly(made()), media_type="application/json")

            return answer

        routes: list[BaseRoute] = []
        for path, (_, made) in self._further.items():
            routes.append(Route(path, _Index(self.server, path)))
            for part, answer in zip(PARTS, (layout(made), callbacks, plotly), strict=True):
                routes.append(Route(f"{path}/{part}", answer))
        return routes


def _json(text: str) -> str:
    written: str = to_json_plotly(text)
    return written
