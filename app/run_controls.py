"""Run, step, reset and speed, the same on every page; `assets/live/run_controls.mjs` wires them."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from app.elements import button, icon
from engine.control import SPEEDS


def run_buttons() -> list[Component]:
    """Run or pause, one step, reset."""
    pause = [icon("pause"), html.Span("Pause", id="run-text")]
    step = [icon("step"), html.Span("Step", className="unseen")]
    reset = [icon("reset"), html.Span("Reset")]
    again = "Start again from the seed, with every parameter as it stands here"
    return [
        button(pause, "run-toggle", "Run or pause (space)", look="button primary"),
        button(step, "run-step", "One step of one second (.)"),
        button(reset, "run-reset", again),
    ]


def speeds() -> Component:
    """Simulated over real time, one of `SPEEDS`."""
    return html.Div(
        [_speed(speed) for speed in SPEEDS],
        id="speed",
        className="segments",
        role="group",
        **{"aria-label": "Speed, simulated over real time"},
    )


def _speed(speed: int) -> Component:
    spoken = f"{speed} simulated seconds a second" if speed else "As fast as it goes"
    return html.Button(
        f"{speed}×" if speed else "max",
        type="button",
        className="segment",
        **{"data-speed": str(speed), "aria-pressed": "false", "aria-label": spoken},
    )
