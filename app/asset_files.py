"""The stylesheet and the browser-side code, served from `assets/`."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("text/javascript", ".js")


class AssetFiles(StaticFiles):
    """Files of one folder, asked for anew each time so that an upgrade shows at once.

    Python files and hidden ones are not there.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at `path` below the folder."""
        parts = Path(path).parts
        if path.endswith((".py", ".pyc")) or any(part.startswith((".", "__")) for part in parts):
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Any:
        """The file, to be revalidated by its ETag."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response
