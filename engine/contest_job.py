"""A contest asked for from the page: what may be asked for, and what the store keeps of it.

The box `job/` of the store is written by the processes of jobs alone. Of a contest it holds, as
JSON that says which `job` it is of, `contest/status`, and `contest/results`: the contest as far as
it is played. `contest/kept:own` and `contest/kept:equal` are the newest contests with a seed played
by these ingredients, so that both can be seen side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.control import Control, ControlError
from engine.disk import Box, Plain, StoreCorruptError, to_json
from engine.params import METAS, Params

#: File that the process of a contest holds locked.
LOCK: Final = "contest.lock"
#: Exit status of a process that could not write what it had to say.
UNWRITTEN: Final = 4
#: What may be asked for: numbers of seeds, of steps, of schemes.
SEEDS: Final = (3, 30)
STEPS: Final = (30, 600)
SCHEMES: Final = (2, 8)
#: First seed of every contest, so that the same request gives the same results.
FIRST_SEED: Final = 1000
#: Seconds at the beginning of each seed that do not count, and the most of them in parts of all.
SKIP: Final = 20
_MOST_SKIPPED: Final = 3
#: What a status says.
STATUS: Final = frozenset(("job", "state", "message", "done", "of", "eta_s"))
_KEYS: Final = ("seeds", "steps", "ingredients", "schemes", "params")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A contest as the page asks for it.

    Attributes:
        params: of every seed; what they say of `seed` and `train` does not count.
        schemes: who plays. seeds: how many. steps: seconds of each.
    """

    params: Params
    schemes: tuple[str, ...]
    seeds: int
    steps: int

    @property
    def skip(self) -> int:
        """Seconds of each seed that do not count."""
        return min(SKIP, self.steps // _MOST_SKIPPED)

    @classmethod
    def parse(cls, raw: object) -> Request:
        """The request of a decoded JSON object.

        Raises:
            ControlError: it cannot be met; one sentence.
        """
        if not isinstance(raw, dict):
            raise ControlError("A contest is asked for by a JSON object.")
        for name in raw:
            if name not in _KEYS:
                raise ControlError(
                    f"There is no {str(name)[:40]!r} in a contest: choose among {', '.join(_KEYS)}."
                )
        schemes = raw.get("schemes")
        if not isinstance(schemes, list) or not SCHEMES[0] <= len(schemes) <= SCHEMES[1]:
            raise ControlError(f"schemes is a list of {SCHEMES[0]} to {SCHEMES[1]} names.")
        params = raw.get("params", {})
        if "ingredients" in raw and isinstance(params, dict):
            params = {**params, "ingredients": raw["ingredients"]}
        wanted = Control().merge({"stage": schemes, "params": params})
        return cls(
            params=wanted.params,
            schemes=wanted.stage,
            seeds=_count(raw.get("seeds"), "seeds", SEEDS),
            steps=_count(raw.get("steps"), "steps", STEPS),
        )

    def as_json(self) -> dict[str, Any]:
        """What `parse` reads back."""
        return {
            "params": self.params.as_json(),
            "schemes": list(self.schemes),
            "seeds": self.seeds,
            "steps": self.steps,
        }


def _count(value: object, name: str, bounds: tuple[int, int]) -> int:
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ControlError(f"{name} is a whole number from {low} to {high}.")
    return value


class ContestRecord:
    """What the store keeps of the newest contest.

    Args:
        store: folder of the store.

    Raises:
        StoreError: the box cannot be opened.
    """

    def __init__(self, store: Path) -> None:
        self._box = Box(store / "job", durable=True)

    def status(self) -> dict[str, Any]:
        """What its process last said; {} before any did. Raises StoreError."""
        status = self._box.get_json("contest/status")
        return status if isinstance(status, dict) and status.keys() >= STATUS else {}

    def results(self, job: str) -> dict[str, Any] | None:
        """What that job has played, None where it has not; raises StoreError."""
        found = self._box.get_json("contest/results")
        if not isinstance(found, dict) or found.get("job") != job:
            return None
        contest = found.get("contest")
        return contest if isinstance(contest, dict) else None

    def kept(self) -> dict[str, dict[str, Any]]:
        """The newest contest by each kind of ingredients that has one; raises StoreError."""
        kinds = METAS["ingredients"].choices
        found = {name: self._box.get_json(_kept_key(name)) for name in kinds}
        return {name: contest for name, contest in found.items() if isinstance(contest, dict)}

    def write(self, status: Mapping[str, Any], contest: Mapping[str, Any] | None = None) -> None:
        """Write the status, and the contest if it is given, both or none; raises StoreError.

        A damaged box is set aside: whoever writes knows all that was in it.
        """
        values: dict[str, Plain] = {"contest/status": to_json(status)}
        if contest is not None:
            results = {"job": status["job"], "contest": contest}
            values["contest/results"] = to_json(results)
            if contest["seeds"]:
                values[_kept_key(contest["ingredients"])] = to_json(contest)
        try:
            self._box.put(values)
        except StoreCorruptError:
            self._box.set_aside()
            self._box.put(values)

    def close(self) -> None:
        """Close this thread's connection."""
        self._box.close()


def _kept_key(ingredients: str) -> str:
    return f"contest/kept:{ingredients}"
