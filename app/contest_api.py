"""The addresses of contests: the one a page asks for, and those that come with the package."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app import strict_json
from app.contests import Contests
from app.routes import CONTEST, SHIPPED_CONTESTS
from engine import contest_job, results
from engine.control import ControlConflict, ControlError
from engine.disk import StoreError
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


def _json(content: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    text = strict_json.dumps(content)
    return Response(text, status, headers=headers, media_type="application/json")
