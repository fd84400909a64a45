"""The addresses of contests: the one a page asks for, and those that come with the package."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app import strict_json
from app.contests import Contests
from app.routes import CONTEST, CONTEST_EXPORT, KEPT_CONTESTS, SHIPPED_CONTESTS
from engine import contest_job, export, results
from engine.control import ControlConflict, ControlError
from engine.disk import StoreError
from engine.export import ExportError
from engine.statistics import judge_all


class ContestApi:
    """Answers to what a page asks or wishes of contests.

    Args:
        contests: plays them.
    """

    def __init__(self, contests: Contests) -> None:
        self._contests = contests
        self._judged: tuple[Any, dict[str, Any]] = (None, {})

    def routes(self) -> list[BaseRoute]:
        """The addresses and what answers there."""
        return [
            Route(CONTEST, self.state, methods=["GET"]),
            Route(CONTEST, self.start, methods=["POST"]),
            Route(CONTEST, self.cancel, methods=["DELETE"]),
            Route(SHIPPED_CONTESTS, self.shipped, methods=["GET"]),
            Route(KEPT_CONTESTS, self.kept, methods=["GET"]),
            Route(CONTEST_EXPORT, self.export, methods=["GET"]),
        ]

    async def state(self, _: Request) -> Response:
        """How the newest contest stands, and what its seeds say so far."""
        return await self._answer(200)

    async def start(self, request: Request) -> Response:
        """Begin the posted contest, unless one is being played."""
        try:
            # In this thread: the process that it starts ends with the thread that started it.
            self._contests.start(contest_job.Request.parse(request.scope["state"]["json"]))
        except ControlConflict as error:
            return _json({"error": str(error)}, 409)
        except ControlError as error:
            return _json({"error": str(error)}, 400)
        except StoreError as error:
            return _json({"error": str(error)}, 503)
        except OSError as error:
            return _json({"error": f"The contest cannot be started ({error.strerror})."}, 503)
        return await self._answer(202)

    async def cancel(self, _: Request) -> Response:
        """End the contest that is being played, if one is; what it has played is kept."""
        await asyncio.to_thread(self._contests.stop)
        return await self._answer(200)

    async def shipped(self, _: Request) -> Response:
        """The contests that come with the package."""
        return _json({"results": await asyncio.to_thread(results.shipped)})

    async def kept(self, _: Request) -> Response:
        """The newest contests of this store, one by each kind of ingredients."""
        try:
            return _json({"results": await asyncio.to_thread(self._kept)})
        except StoreError as error:
            return _json({"error": str(error)}, 503)

    async def export(self, request: Request) -> Response:
        """A contest to take away: `of` names a kept or a shipped one, `format` says as what."""
        name = request.query_params.get("of", "")
        write = _FORMATS.get(request.query_params.get("format", ""))
        if write is None:
            return _json({"error": f"format is one of {', '.join(_FORMATS)}."}, 400)
        try:
            contest = await asyncio.to_thread(self._find, name)
            if contest is None:
                return _json({"error": "There is no such contest."}, 404)
            content, kind, ending = await asyncio.to_thread(write, contest)
        except StoreError as error:
            return _json({"error": str(error)}, 503)
        except ExportError as error:
            return _json({"error": str(error)}, 400)
        file = f'attachment; filename="contest-{name}.{ending}"'
        headers = {"cache-control": "no-store", "content-disposition": file}
        return Response(content, headers=headers, media_type=kind)

    def _kept(self) -> list[dict[str, Any]]:
        kept = self._contests.kept().items()
        return [
            {
                "name": name,
                "command": contest["made"]["command"],
                "contest": contest,
                "judged": judge_all(contest),
            }
            for name, contest in kept
        ]

    def _find(self, name: str) -> dict[str, Any] | None:
        shipped = {one["name"]: one["contest"] for one in results.shipped()}
        return self._contests.kept().get(name) or shipped.get(name)

    async def _answer(self, status: int) -> Response:
        try:
            return _json(await asyncio.to_thread(self._state), status)
        except StoreError as error:
            return _json({"error": str(error)}, 503)

    def _state(self) -> dict[str, Any]:
        state = self._contests.state()
        contest = state["contest"]
        if contest != self._judged[0]:
            self._judged = (contest, judge_all(contest) if contest is not None else {})
        return {**state, "judged": self._judged[1]}


def _csv(contest: dict[str, Any]) -> tuple[str, str, str]:
    """The table, after a line that says where it comes from."""
    about = strict_json.dumps(export.contest_manifest(contest))
    return f"# {about}\n{export.contest_csv(contest)}", "text/csv", "csv"


def _parquet(contest: dict[str, Any]) -> tuple[bytes, str, str]:
    return export.contest_parquet(contest), "application/vnd.apache.parquet", "parquet"


def _marl_eval(contest: dict[str, Any]) -> tuple[str, str, str]:
    text = strict_json.dumps(export.contest_marl_eval(contest))
    return text, "application/json", "json"


_FORMATS: Final = {"csv": _csv, "parquet": _parquet, "marl-eval": _marl_eval}


def _json(content: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    text = strict_json.dumps(content)
    return Response(text, status, headers=headers, media_type="application/json")
