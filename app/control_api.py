"""The addresses beside the stream: control, city, health, and what is recorded to take away."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from app import strict_json
from app.routes import CONTROL, FORK
from app.stream import Hub
from engine.control import ControlConflict, ControlError
from engine.disk import StoreError
from engine.metrics import METRICS
from engine.store import Store

_CSV_ROWS: Final = 2048
_NO_STORE: Final = {"cache-control": "no-store"}


class ControlApi:
    """Answers to what a page asks or wishes besides the stream.

    Args:
        store: of the engine. hub: knows the status to show.
    """

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store, self._hub = store, hub

    def routes(self) -> list[BaseRoute]:
        """The addresses and what answers there."""
        return [
            Route("/health", self.health),
            Route(CONTROL, self.control, methods=["GET"]),
            Route(CONTROL, self.request, methods=["POST"]),
            Route(FORK, self.fork),
            Route("/live/static/{run}", self.static),
            Route("/live/metrics/{run}.csv", self.csv),
            Route("/live/metrics/{run}.parquet", self.parquet),
            Route("/live/learning/{run}.{ending}", self.learning),
        ]

    async def health(self, _: Request) -> Response:
        """Whether the server answers, and what it knows of the engine."""
        status = self._hub.status()
        alive = status.get("state") in ("running", "paused", "starting")
        engine = {key: status.get(key) for key in ("state", "message", "run", "step", "pid")}
        return _json({"server": "up", "engine": {"alive": alive, **engine}})

    async def control(self, _: Request) -> Response:
        """What is wanted and what is."""
        return _json({"control": self._store.control(), "status": self._hub.status()})

    async def request(self, request: Request) -> Response:
        """Merge the posted patch into the control."""
        try:
            patch = request.scope["state"]["json"]
            return _json({"version": await asyncio.to_thread(self._store.request, patch)})
        except ControlConflict as error:
            return _json({"error": str(error), "control": self._store.control()}, 409)
        except ControlError as error:
            return _json({"error": str(error)}, 400)
        except StoreError as error:
            return _json({"error": str(error)}, 503)

    async def fork(self, _: Request) -> Response:
        """The newest fork, as far as it is played."""
        return _json(await asyncio.to_thread(self._store.fork))

    async def static(self, request: Request) -> Response:
        """The city of a run, which never changes."""
        found = self._store.static(request.path_params["run"])
        if found is None:
            return _json({"error": "There is no such run."}, 404)
        headers = {"cache-control": "private, max-age=86400"}
        return Response(found, media_type="application/json", headers=headers)

    async def csv(self, request: Request) -> Response:
        """All metrics of a run as text, a row per step and scheme."""
        run = request.path_params["run"]
        if self._store.run(run) is None:
            return _json({"error": "There is no such run."}, 404)
        return StreamingResponse(
            _csv(self._store, run), headers=_file(run, "csv"), media_type="text/csv"
        )

    async def parquet(self, request: Request) -> Response:
        """All metrics of a run as Parquet."""
        run = request.path_params["run"]
        if self._store.run(run) is None:
            return _json({"error": "There is no such run."}, 404)
        content = await asyncio.to_thread(_parquet, self._store, run)
        kind = "application/vnd.apache.parquet"
        return Response(content, headers=_file(run, "parquet"), media_type=kind)

    async def learning(self, request: Request) -> Response:
        """What is kept of what was learnt: all of it as JSON, or the losses as text."""
        run, ending = request.path_params["run"], request.path_params["ending"]
        if self._store.run(run) is None:
            return _json({"error": "There is no such run."}, 404)
        entries = await asyncio.to_thread(self._store.learning, run)
        headers = _file(f"{run}-learning", ending)
        if ending == "csv":
            return Response(_losses(entries), headers=headers, media_type="text/csv")
        content = strict_json.dumps({"run": run, "entries": entries})
        return Response(content, headers=headers, media_type="application/json")


def _json(content: Any, status: int = 200) -> Response:
    text = strict_json.dumps(content)
    return Response(text, status, headers=_NO_STORE, media_type="application/json")


def _file(run: str, ending: str) -> dict[str, str]:
    return {**_NO_STORE, "content-disposition": f'attachment; filename="{run}.{ending}"'}


async def _csv(store: Store, run: str) -> AsyncIterator[str]:
    yield ",".join(("step", "scheme", *METRICS)) + "\r\n"
    after = -1
    while True:
        after, text = await asyncio.to_thread(_csv_rows, store, run, after)
        if after < 0:
            return
        yield text


def _csv_rows(store: Store, run: str, after: int) -> tuple[int, str]:
    """Last step and text of the next rows; (-1, "") when there are no more."""
    steps, schemes, values = store.metrics(run, after=after, limit=_CSV_ROWS)
    if not len(steps):
        return -1, ""
    out = io.StringIO()
    rows = csv.writer(out)
    for step, row in zip(steps.tolist(), values.tolist(), strict=True):
        for scheme, cells in zip(schemes, row, strict=True):
            if not all(map(math.isnan, cells)):  # a scheme off the stage has only NaN
                rows.writerow([step, scheme, *("" if math.isnan(c) else f"{c:.7g}" for c in cells)])
    return int(steps[-1]), out.getvalue()


def _parquet(store: Store, run: str) -> bytes:
    out = io.BytesIO()
    store.metrics_frame(run).to_parquet(out, index=False)
    return out.getvalue()


def _losses(entries: Sequence[Mapping[str, Any]]) -> str:
    """A row per step learnt from: every loss, how many aggregations, and what went wrong."""
    names = list(dict.fromkeys(name for entry in entries for name in entry["losses"]))
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["i", "step", "scheme", *names, "rounds", "trouble"])
    for entry in entries:
        losses = [entry["losses"].get(name) for name in names]
        cells = ["" if loss is None else f"{loss:.7g}" for loss in losses]
        at = [entry["i"], entry["step"], entry["scheme"]]
        rows.writerow([*at, *cells, len(entry["rounds"]), entry["trouble"]])
    return out.getvalue()
