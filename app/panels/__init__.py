"""Chart panels, one a file: each module here has a `PANEL`; finding them needs no list."""

from __future__ import annotations

import importlib
import pkgutil

from app.panel import Panel


def discover() -> tuple[Panel, ...]:
    """Every panel in this package, in the order they stand on the page."""
    modules = [
        importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted((m.PANEL for m in modules), key=lambda panel: (panel.order, panel.name)))
