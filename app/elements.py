"""Small pieces of markup that the page is made of."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component


def icon(name: str) -> Component:
    """A picture without meaning of its own; what is around it says what it does."""
    unspoken: dict[str, Any] = {"aria-hidden": "true"}
    return html.Span(className=f"icon icon-{name}", **unspoken)


def button(
    shows: Any, identity: str, about: str, *, look: str = "button", hidden: bool = False
) -> Component:
    """A button that explains itself.

    Args:
        shows: its children.
        identity: element id.
        about: its tooltip, and its name where it shows no words.
        look: class names.
        hidden: whether it is not there at first.
    """
    spoken: dict[str, Any] = {"data-tip": about}
    if look in ("bar-button", "icon-button"):
        spoken["aria-label"] = about
    return html.Button(
        shows,
        id=identity,
        type="button",
        className=look,
        hidden=hidden,
        **spoken,
    )
