"""The message a Dash page posts to run a callback, held against the callbacks that exist.

Dash itself trusts this message: an unknown output, a missing input or an id of another type ends in
an exception. The page only ever sends what the registry says, so anything else is refused first.
Callbacks with pattern-matching ids are not admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.strict_json import JsonError

_KEYS: Final = frozenset(
    {"output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"}
)


def check(body: object, callbacks: Mapping[str, Mapping[str, Any]]) -> None:
    """Accept `body` if it asks for a registered callback with exactly its inputs and states.

    Args:
        body: the parsed message.
        callbacks: Dash's registry, output id to callback.

    Raises:
        JsonError: one sentence that says what does not match.
    """
    if not isinstance(body, dict) or not body.keys() <= _KEYS:
        raise JsonError("The message is no callback request.")
    output = body.get("output")
    callback = callbacks.get(output) if isinstance(output, str) else None
    if callback is None or "callback" not in callback:
        raise JsonError("There is no such callback.")
    _properties(body.get("inputs", []), callback["inputs"], "inputs")
    _properties(body.get("state", []), callback["state"], "states")
    known = {f"{wanted['id']}.{wanted['property']}" for wanted in callback["inputs"]}
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(c, str) and c in known for c in changed):
        raise JsonError("The callback has no such trigger.")
    _outputs(body.get("outputs"), str(output))
    if not isinstance(body.get("parsedChangedPropsIds", []), list):
        raise JsonError("The callback has no such trigger.")


def _properties(given: object, wanted: list[Mapping[str, Any]], what: str) -> None:
    if not isinstance(given, list) or len(given) != len(wanted):
        raise JsonError(f"The callback has other {what}.")
    for have, want in zip(given, wanted, strict=True):
        if not isinstance(have, dict) or not have.keys() <= {"id", "property", "value"}:
            raise JsonError(f"The callback has other {what}.")
        if have.get("id") != want["id"] or have.get("property") != want["property"]:
            raise JsonError(f"The callback has other {what}.")


def _outputs(given: object, output: str) -> None:
    single = not output.startswith("..")
    listed = [given] if single else given
    wanted = [output] if single else output.strip(".").split("...")
    if not isinstance(listed, list) or len(listed) != len(wanted):
        raise JsonError("The callback has other outputs.")
    for have, want in zip(listed, wanted, strict=True):
        keys = have.keys() if isinstance(have, dict) else set()
        if keys != {"id", "property"} or f"{have['id']}.{have['property']}" != want.split("@")[0]:
            raise JsonError("The callback has other outputs.")
