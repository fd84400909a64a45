"""The frame around every page: app bar, banner, help sheet, toasts, the schema for the browser."""

from __future__ import annotations

from typing import Final

from dash import html
from dash.development.base_component import Component

from app import controls
from app.elements import button, icon
from app.pages import compare, live
from app.schema import schema

#: Path of each page and its name in the bar.
_PAGES: Final = (("/", "Live"), ("/compare", "Compare"))
#: Key, what it does; in the order of the help sheet.
_KEYS: Final = (
    ("Space", "run or pause"),
    (". or →", "one step, when the focus is not on the map"),
    ("1 … 5", "speed: 1×, 2×, 5×, 10×, as fast as it goes"),
    ("+ or \N{MINUS SIGN}", "zoom the map"),
    ("arrows", "move the map, when it has the focus"),
    ("F", "follow the selected vehicle, or show the whole city"),
    ("/", "find a vehicle by its number"),
    ("Esc", "close what is open, or let go of the selection"),
    ("P", "presenter mode: only map and charts"),
    ("D", "light or dark"),
    ("?", "this sheet"),
)
_CLOCK: Final = "Simulated time, h:min:s; a step is one second."
_LOAD: Final = (
    "Load index u = N λ C ρ / (M K f), with mean values: the work that arrives, as far as it is "
    "worth offloading, over what all RSUs can compute.\nBelow 0.6 every sensible scheme does well; "
    "from 0.6 to 4 the choice of scheme matters; above 4 the RSUs are far too few."
)
_HINTS: Final = {
    "/": (
        "Click a vehicle to see what its twin believes and why each scheme decided as it did. "
        "Click an RSU to see its queue, to fail it or to restore it."
    ),
    "/compare": (
        "Point at a vehicle or an RSU to see what each scheme makes of it; click to keep it marked "
        "on all maps. Drag and zoom one map to move them all."
    ),
}
_EVERYWHERE: Final = (
    " All on screen stands in the address: copy it to come back to this view. Every tab shows and "
    "steers the same run."
)
#: Keys of Live alone.
_LIVE_KEYS: Final = ("/",)

# As with every Dash callback, importing the layout registers them for the app that is made next.
controls.connect()


def layout() -> Component:
    """The first page, Live."""
    return _framed("/", live.page())


def _compare() -> Component:
    return _framed("/compare", compare.page())


#: Title of the browser's tab and layout of each further page, by its path.
FURTHER: Final = {"/compare": ("Compare · IoV Twin", _compare)}


def _framed(path: str, page: Component) -> Component:
    return html.Div(
        [
            _app_bar(path),
            html.Div(id="banner", role="alert", hidden=True),
            page,
            _help(path),
            html.Div(id="toasts", role="status", **{"aria-live": "polite"}),
            html.Div(id="tooltip", role="tooltip", hidden=True),
            html.Div(id="schema", hidden=True, **{"data-schema": schema()}),
        ],
        id="app",
        **{"data-presenter": "off"},
    )


def _navigation(path: str) -> Component:
    links = [
        html.A(
            words, href=to, className="nav-link", **({"aria-current": "page"} if to == path else {})
        )
        for to, words in _PAGES
    ]
    return html.Nav(links, id="navigation", className="navigation", **{"aria-label": "Pages"})


def _app_bar(path: str) -> Component:
    mark = html.Span(className="brand-mark", **{"aria-hidden": "true"})
    return html.Header(
        [
            html.Div([mark, html.H1("IoV Twin")], className="brand"),
            _navigation(path),
            _pill(),
            _figure("clock", "simulated time", "–:––:––", _CLOCK),
            _figure("vehicles-now", "vehicles", "–", "Vehicles in the city now."),
            _figure("load-index", "load u", "–", _LOAD),
            html.Div(className="bar-space"),
            _action("share", "link", "Copy a link to this view", "Share"),
            _action("presenter-toggle", "present", "Presenter mode: only map and charts (P)"),
            _action("theme-toggle", "theme", "Light or dark (D)"),
            _action("help-open", "help", "Keys and hints (?)"),
        ],
        className="app-bar",
    )


def _pill() -> Component:
    return html.Div(
        [
            html.Span(className="pill-dot", **{"aria-hidden": "true"}),
            html.Span("Connecting", id="pill-text"),
            html.Span("", id="pill-pace"),
        ],
        id="pill",
        className="pill",
        role="status",
        **{"data-state": "starting"},
    )


def _figure(identity: str, name: str, value: str, about: str) -> Component:
    return html.Div(
        [
            html.Span(name, className="figure-name"),
            html.Span(value, id=identity, className="figure-value"),
        ],
        className="figure",
        id=f"figure-{identity}",
        tabIndex=0,
        **{"data-tip": about},
    )


def _action(identity: str, picture: str, about: str, text: str = "") -> Component:
    words = [html.Span(text, className="button-text")] if text else []
    return button([icon(picture), *words], identity, about, look="bar-button")


def _help(path: str) -> Component:
    missing = _LIVE_KEYS if path != "/" else ()
    known = [(key, text) for key, text in _KEYS if key not in missing]
    keys = [html.Tr([html.Td(html.Kbd(key)), html.Td(text)]) for key, text in known]
    close = button(icon("close"), "help-close", "Close (Esc)", look="icon-button")
    return html.Dialog(
        [
            html.Div([html.H2("Keys and hints"), close], className="dialog-head"),
            html.Table(html.Tbody(keys), className="keys"),
            html.P(_HINTS[path] + _EVERYWHERE),
        ],
        id="help",
        **{"aria-label": "Keys and hints"},
    )
