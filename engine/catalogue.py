"""Which schemes there are: files in `engine/schemes` and outside packages; none of them is run.

A package registers a scheme in the entry-point group `iov_twin.schemes`, as a module that offers
what a file in `engine/schemes` offers: `build`, and if it wants `LABEL` and `INGREDIENTS`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

ENTRY_POINTS: Final = "iov_twin.schemes"
#: The line that is no scheme: every task as if it were alone.
BOUND: Final = "bound"
_FOLDER: Final = Path(__file__).parent / "schemes"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 32


class SchemeError(ValueError):
    """A scheme from outside cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class Outside:
    """A scheme that a package from outside registers.

    Attributes:
        name: of the scheme. package: where it comes from. point: where its module is.
    """

    name: str
    package: str
    point: metadata.EntryPoint

    def load(self) -> Any:
        """Its module.

        Raises:
            SchemeError: it cannot be imported, or offers no `build`.
        """
        try:
            module = self.point.load()
        except (Exception, SystemExit) as error:
            raise self.broken("cannot be loaded", error) from error
        if not callable(getattr(module, "build", None)):
            raise SchemeError(
                f"The scheme {self.name} of the package {self.package} cannot be used: "
                f"{self.point.value} offers no function build."
            )
        return module

    def broken(self, what: str, error: BaseException) -> SchemeError:
        """What to say of an error of its own making."""
        said = " ".join(str(error).split())[:160].rstrip(".")
        reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
        return SchemeError(
            f"The scheme {self.name} of the package {self.package} {what} ({reason})."
        )

    def texts(self) -> dict[str, str]:
        """What its module assigns to names, read without running it; empty if not to be found."""
        source = _source(self.point.module)
        return texts(source) if source is not None else {}


@cache
def here() -> Mapping[str, Path]:
    """The file of each scheme in this package, by name."""
    files = sorted(_FOLDER.glob("[!_]*.py"))
    return {file.stem.replace("_", "-"): file for file in files}


def outside() -> Mapping[str, Outside]:
    """The schemes of outside packages, by name."""
    return _registered()[0]


def refused() -> tuple[str, ...]:
    """Why registered schemes are left out, one sentence each."""
    return _registered()[1]


@cache
def _registered() -> tuple[Mapping[str, Outside], tuple[str, ...]]:
    found: dict[str, Outside] = {}
    why: list[str] = []
    # In no order of their own: of two that register one name, always the same shall have it.
    points = sorted((_package(p), p) for p in metadata.entry_points(group=ENTRY_POINTS))
    for package, point in points:
        left_out = f"The scheme {point.name[:_LONGEST]!r} of the package {package} is left out: "
        if len(point.name) > _LONGEST or not _NAME.fullmatch(point.name):
            why.append(f"{left_out}a name is of small letters, digits and hyphens.")
        elif point.name in here() or point.name == BOUND:
            why.append(f"{left_out}there is a scheme of that name in IoV Twin.")
        elif point.name in found:
            other = found[point.name].package
            # A package may be found twice, as a checkout and installed.
            if other != package:
                why.append(f"{left_out}{other} registers one of that name.")
        else:
            found[point.name] = Outside(point.name, package, point)
    return found, tuple(why)


def _package(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module


def texts(file: Path) -> dict[str, str]:
    """The texts a file assigns at its top level, by name; the file is parsed, not run."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return {}
    found = {}
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                found[target.id] = str(value.value)
    return found


def _source(module: str) -> Path | None:
    """The file of a module, found without importing it or the packages it is in."""
    first, *others = module.split(".")
    try:
        spec = util.find_spec(first)
        for at in range(len(others)):
            places = spec.submodule_search_locations if spec is not None else None
            if places is None:
                return None
            spec = PathFinder.find_spec(".".join([first, *others[: at + 1]]), places)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
