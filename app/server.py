"""The web application: Dash for the page, stream and control beside it, the guard before all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final, cast

from dash.development.base_component import Component
from dash.fingerprint import check_fingerprint
from fastapi import FastAPI
from starlette.routing import Mount, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.asset_files import AssetFiles
from app.contest_api import ContestApi
from app.contests import Contests
from app.control_api import ControlApi
from app.further_pages import Further, PagedDash
from app.guard import Guard, Rules
from app.rate import TokenBuckets
from app.routes import STREAM
from app.sharing import Sharing
from app.stream import Hub
from engine import ROOT
from engine.store import Store

#: Runs before the first paint, so that a dark page never flashes white.
_THEME: Final = (
    "(()=>{let t=new URLSearchParams(location.search).get('theme');"
    "try{t=t||localStorage.getItem('iov-twin-theme')}catch{}"
    "if(t!=='dark'&&t!=='light')"
    "t=matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light';"
    "document.documentElement.dataset.bsTheme=t})()"
)
_INDEX: Final = f"""<!DOCTYPE html>
<html lang="en" data-bs-theme="light">
  <head>
    {{%metas%}}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{%title%}}</title>
    {{%favicon%}}
    <script>{_THEME}</script>
    <link rel="stylesheet" href="/assets/vendor/bootstrap.min.css">
    {{%css%}}
    <link rel="stylesheet" href="/assets/style.css">
    <script type="module" src="/assets/live/main.mjs"></script>
  </head>
  <body>
    {{%app_entry%}}
    <footer>
      {{%config%}}
      {{%scripts%}}
      {{%renderer%}}
    </footer>
  </body>
</html>"""


def create_app(
    store: Store,
    *,
    hosts: frozenset[str],
    layout: Callable[[], Component],
    further: Further | None = None,
    overlay: Callable[[dict[str, Any]], dict[str, Any]] = lambda status: status,
    sharing: Sharing | None = None,
    buckets: TokenBuckets | None = None,
    contests: Contests | None = None,
) -> ASGIApp:
    """The whole application, guarded.

    Args:
        store: what the engine writes and the control goes into.
        hosts: values of the Host header that mean this server, port included.
        layout: makes the first page.
        further: title and layout of each other page by its path.
        overlay: turns the engine's last status into the one to show.
        sharing: tokens and roles when others than this machine may connect.
        buckets: how often a client may post, 20 a second by default.
        contests: plays contests; whoever gives it ends it. On SUMO's traffic by default.
    """
    hub = Hub(store, overlay)
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, debug=False)
    server.router.routes.extend(
        [
            *ControlApi(store, hub).routes(),
            *ContestApi(contests or Contests(store.path)).routes(),
            WebSocketRoute(STREAM, hub.serve),
            Mount("/assets", AssetFiles(directory=ROOT / "assets")),
        ]
    )
    dash = PagedDash(
        "app",
        further=further or {},
        server=cast(Any, server),  # Dash types it for its other backends
        backend="fastapi",
        assets_folder=str(ROOT / "assets"),
        include_assets_files=False,
        serve_locally=True,
        index_string=_INDEX,
        title="IoV Twin",
        update_title="",
        suppress_callback_exceptions=True,
        add_log_handler=False,
    )
    # Dash would open a socket of its own in every tab, which this page has no use for.
    dash.backend.websocket_capability = False
    dash.layout = layout
    server.router.routes[:0] = dash.further_routes()

    def is_bundle(path: str) -> bool:
        package, _, file = path.partition("/")
        return check_fingerprint(file)[0] in dash.registered_paths.get(package, ())

    rules = Rules(
        hosts=hosts,
        callbacks=lambda: dash.callback_map,
        is_bundle=is_bundle,
        script_hashes=(_hash(_THEME), *dash.csp_hashes()),
        sharing=sharing,
        buckets=buckets or TokenBuckets(),
    )
    return Guard(_WithLifespan(server, hub), rules)


class _WithLifespan:
    """The server with the hub's life tied to its own; makes the page once before anybody asks."""

    def __init__(self, server: ASGIApp, hub: Hub) -> None:
        self._server, self._hub = server, hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._server(scope, receive, send)
            return
        await receive()
        self._hub.start()
        await self._visit()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._hub.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _visit(self) -> None:
        """Ask for the page: Dash registers its scripts when it first makes it."""
        scope: Scope = {
            "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"",
            "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http",
            "root_path": "", "server": ("localhost", 80), "client": ("localhost", 0), "state": {},
        }  # fmt: skip
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._server(scope, receive, send)
        if statuses != [200]:
            raise RuntimeError(f"the page cannot be made: {statuses}")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
