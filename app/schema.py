"""What the code in the browser must know: parameters, presets, schemes, panels, colours."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from app import panels, url_state
from app.controls import has_widget, label
from app.measure import MEASURES
from app.messages import MAX_ARMS
from app.theme import CHARTS, scheme_colour
from app.timeline import POINTS, SMOOTHING_S
from engine.change import DEFAULT_STEPS, STEPS
from engine.control import SPEEDS
from engine.params import METAS, Params
from engine.presets import PRESETS
from engine.stage import DEFAULT_STAGE, SCHEMES


def schema() -> str:
    """The JSON that travels in the page."""
    return json.dumps(
        {
            "params": [_param(name) for name in METAS],
            "presets": [
                {"name": p.name, "title": p.title, "note": p.note, "params": p.params().as_json()}
                for p in PRESETS.values()
            ],
            "schemes": [
                {
                    "name": info.name,
                    "label": info.label,
                    "ingredients": info.ingredients,
                    "dash": info.dash,
                    "reference": info.is_reference,
                    "colour": {theme: scheme_colour(info.name, theme) for theme in CHARTS},
                }
                for info in SCHEMES.values()
            ],
            "panels": [
                {
                    "name": p.name,
                    "metric": p.metric,
                    "scale": p.scale,
                    "figure": p.draw is not None,
                }
                for p in panels.discover()
            ],
            "stage": list(DEFAULT_STAGE),
            "measures": [dataclasses.asdict(measure) for measure in MEASURES],
            "speeds": list(SPEEDS),
            "max_arms": MAX_ARMS,
            "horizons": list(STEPS),
            "horizon": DEFAULT_STEPS,
            "colourings": list(url_state.COLOURINGS),
            "layers": list(url_state.LAYERS),
            "subjects": list(url_state.SUBJECTS),
            "charts": {theme: dataclasses.asdict(colours) for theme, colours in CHARTS.items()},
            "points": POINTS,
            "smoothing": SMOOTHING_S,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _param(name: str) -> dict[str, Any]:
    meta = METAS[name]
    return {
        "name": name,
        "label": label(name),
        "kind": meta.kind,
        "widget": has_widget(meta),
        "unit": meta.unit,
        "low": meta.low,
        "high": meta.high,
        "choices": list(meta.choices),
        "live": meta.live,
        "allowed": meta.allowed,
        "default": Params().as_json()[name],
    }
