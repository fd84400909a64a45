"""Where results come from: parameters, seed, versions, commit, mobility; nothing of the clock."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine import ROOT
from engine.params import Params

_PACKAGES: Final = (
    "iov-twin",
    "numpy",
    "pandas",
    "pyarrow",
    "eclipse-sumo",
    "torch",
    "traci",
    "diskcache",
)


def manifest(
    params: Params,
    stage: Sequence[str],
    steps: int,
    mobility: str,
    digest: str,
    policies: Mapping[str, str],
) -> dict[str, Any]:
    """What is needed to get the same results again.

    Args:
        params: resolved parameters.
        stage: scheme names.
        steps: simulated.
        mobility: what was asked for.
        digest: of what determines the motion.
        policies: checksums of the files that learned schemes started from.
    """
    return {
        "parameters": params.as_json(),
        "seed": params.seed,
        "schemes": list(stage),
        "steps": steps,
        "mobility": {"source": mobility, "digest": digest},
        "policies": dict(policies),
        "versions": versions(),
        "commit": commit(),
    }


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def versions() -> dict[str, str | None]:
    """Versions of Python, the machine's kind and the packages that results depend on."""
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def commit() -> str | None:
    """The commit of a checkout, with `-dirty` where files differ from it; None when installed."""
    if not (ROOT / ".git").exists():
        return None
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments],
        capture_output=True,
        text=True,
        timeout=5,
        check=True,
    )
    return done.stdout.strip()
