"""The guard: every route, every verb, every odd header; nothing foreign gets through."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import re

import pytest

from app import envelope, strict_json
from app.rate import TokenBuckets
from app.sharing import COOKIE, Sharing

HOST, OWN = "127.0.0.1:8050", "http://127.0.0.1:8050"
JSON = {"content-type": "application/json"}
GETS = (
    "/", "/compare", "/compare/_dash-layout", "/compare/_dash-dependencies",
    "/health", "/live/control", "/live/fork", "/live/static/run-1", "/live/metrics/run-1.csv",
    "/live/metrics/run-1.parquet", "/live/learning/run-1.csv", "/live/learning/run-1.json",
    "/api/contest", "/api/contest/shipped", "/api/contest/kept",
    "/_dash-layout", "/_dash-dependencies", "/_favicon.ico",
    "/assets/vendor/bootstrap.min.css", "/assets/live/main.mjs",
    "/_dash-component-suites/dash/deps/react@18.v4_4_1m0.min.js",
)  # fmt: skip
POSTS = ("/live/control", "/api/contest", "/_dash-update-component")
NOWHERE = (
    "/docs", "/redoc", "/openapi.json", "/_reload-hash", "/_mcp", "/_dash-ws-callback", "/console",
    "/compare/", "/compare/live/ws", "/compare/_dash-update-component",
    "/..", "/assets/../pyproject.toml", "/_dash-component-suites/os/environ",
    "/_dash-component-suites/dash/dash.py",
)  # fmt: skip
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")
FOREIGN = {
    "rebinding": ({"host": "evil.example"}, 421),
    "rebinding with port": ({"host": "evil.example:8050"}, 421),
    "other port": ({"host": "127.0.0.1:8051"}, 421),
    "no port": ({"host": "127.0.0.1"}, 421),
    "no host": ({"host": None}, 421),
    "host and origin alike": ({"host": "evil.example", "origin": "http://evil.example"}, 421),
    "cross site": ({"origin": "http://evil.example"}, 403),
    "null origin": ({"origin": "null"}, 403),
    "other port's origin": ({"origin": "http://127.0.0.1:8051"}, 403),
    "other scheme": ({"origin": "https://127.0.0.1:8050"}, 403),
    "own name as a prefix": ({"origin": OWN + ".evil.example"}, 403),
    "fetched cross site": ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, 403),
    "fetched same site": ({"sec-fetch-site": "same-site"}, 403),
    "framed fetch": ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_requests_are_refused_on_every_route_and_verb(site, case):
    headers, status = FOREIGN[case]
    before = site.store.control()

    async def everything():
        for path, verb in itertools.product((*GETS, *POSTS, *NOWHERE), VERBS):
            reply = await site.ask_async(verb, path, {**JSON, **headers}, b'{"running":false}')
            assert reply.status == status, (verb, path, reply.status)
            assert "error" in reply.json

    asyncio.run(everything())
    assert site.store.control() == before


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("path", ["/live/ws", "/_dash-ws-callback", "/"])
def test_foreign_sockets_are_refused(site, case, path):
    headers, status = FOREIGN[case]

    async def open_it():
        async with site.serving() as tab:
            socket = tab(path=path, headers=headers)
            await socket.ended()
            return socket.status

    assert asyncio.run(open_it()) == status


def test_a_socket_elsewhere_is_not_there(site):
    async def open_it():
        async with site.serving() as tab:
            socket = tab(path="/_dash-ws-callback")
            await socket.ended()
            return socket.status

    assert asyncio.run(open_it()) == 404


def test_own_requests_pass(site):
    site.begin()
    site.publish()
    own = {"origin": OWN, "sec-fetch-site": "same-origin"}

    async def everything():
        async with site.serving() as tab:
            for path in GETS[:-2]:
                assert (await site.ask_async("GET", path, own)).status == 200, path
            socket = tab(headers=own)
            assert (await socket.text("hello"))["run"] == "run-1"
            reply = await site.ask_async("POST", "/live/control", {**JSON, **own}, b'{"speed":2}')
            assert reply.status == 200

    asyncio.run(everything())
    assert site.store.control()["speed"] == 2


def test_a_link_from_elsewhere_may_lead_here(site):
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert site.ask("GET", "/", visit).status == 200
    assert site.ask("POST", "/live/control", {**JSON, **visit}, b"{}").status == 403


def test_scripts_of_the_page_are_served_and_no_others(site):
    async def fetch():
        async with site.serving():
            page = (await site.ask_async("GET", "/")).body.decode()
            bundles = re.findall(r'src="(/_dash-component-suites/[^"]+)"', page)
            replies = [await site.ask_async("GET", path.partition("?")[0]) for path in bundles]
            other = await site.ask_async("GET", bundles[0].replace("dash/", "dash/x", 1))
            return [reply.status for reply in replies], other.status

    statuses, other = asyncio.run(fetch())
    assert statuses
    assert set(statuses) == {200}
    assert other == 404


@pytest.mark.parametrize("path", NOWHERE)
def test_nothing_else_is_there(site, path):
    async def look():
        async with site.serving():
            return await site.ask_async("GET", path)

    assert asyncio.run(look()).status == 404


def test_known_routes_refuse_other_verbs(site):
    for path in (*GETS[:-1], *POSTS):
        for verb in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
            if (path, verb) == ("/api/contest", "DELETE"):
                continue
            assert site.ask(verb, path, JSON, b"{}").status == 405, (verb, path)
    assert site.ask("POST", "/health", JSON, b"{}").status == 405
    assert site.ask("GET", "/_dash-update-component").status == 405


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "text/plain"}, b"{}", 415),
        ({"content-type": "text/plain; a=application/json"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"{}", 415),
        ({}, b"{}", 415),
        ({**JSON, "content-length": None}, b"{}", 411),
        ({**JSON, "content-length": "x"}, b"{}", 411),
        ({**JSON, "transfer-encoding": "chunked"}, b"{}", 411),
        ({**JSON, "content-length": "65537"}, b"{}", 413),
        ({**JSON, "content-length": "9" * 30}, b"{}", 413),
        ({**JSON, "content-length": "5"}, b" " * 70000, 413),
        (JSON, b"", 400),
        (JSON, b"\xff\xfe", 400),
        (JSON, b'{"a":NaN}', 400),
        (JSON, b'{"a":-Infinity}', 400),
        (JSON, b'{"a":1e999}', 400),
        (JSON, b'{"running":true,"running":false}', 400),
        (JSON, b'{"a":"\\ud800"}', 400),
        (JSON, b"[" * 30000, 400),
        (JSON, b'{"a":' * 13 + b"1" + b"}" * 13, 400),
        (JSON, b'{"a":' + b"9" * 5000 + b"}", 400),
        (JSON, "{}".encode("utf-16"), 400),
        (JSON, b"{} {}", 400),
    ],
)
@pytest.mark.parametrize("path", POSTS)
def test_malformed_posts_are_refused_in_one_sentence(site, path, headers, body, status):
    before = site.store.control()
    reply = site.ask("POST", path, headers, body)
    assert reply.status == status
    assert reply.json["error"].endswith(".")
    assert site.store.control() == before


def test_every_answer_carries_the_security_headers(site):
    for path in ("/", "/health", "/nowhere"):
        headers = site.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_inline_scripts_of_the_page_are_the_ones_allowed(site):
    reply = site.ask("GET", "/")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", reply.body.decode(), re.DOTALL)
    inline = [
        text
        for attributes, text in scripts
        if "src=" not in attributes and "json" not in attributes
    ]
    assert len(inline) >= 2
    for text in inline:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in reply.headers["content-security-policy"]
    assert not re.search(r'(src|href)="(https?:)?//', reply.body.decode())


def test_posts_are_rationed_by_client(make_site):
    now = [0.0]
    site = make_site(buckets=TokenBuckets(20, 40, clock=lambda: now[0]))
    statuses = [site.ask("POST", "/live/control", JSON, b"{}").status for _ in range(41)]
    assert statuses == [200] * 40 + [429]
    now[0] = 1.0
    statuses = [site.ask("POST", "/live/control", JSON, b"{}").status for _ in range(21)]
    assert statuses == [200] * 20 + [429]


def test_buckets_forget_the_longest_silent_client():
    buckets = TokenBuckets(0.0, 1.0, clients=2, clock=lambda: 0.0)
    assert [buckets.take(c) for c in "aabcab"] == [True, False, True, True, True, True]


class TestSharing:
    """With `--share` everybody may look; who opened the one-time link may steer."""

    @pytest.fixture
    def tokens(self):
        return []

    @pytest.fixture
    def shared(self, make_site, tokens):
        return make_site(sharing=Sharing(tokens.append))

    def test_viewers_look_but_do_not_steer(self, shared):
        assert shared.ask("GET", "/").status == 200
        assert shared.ask("GET", "/live/control").status == 200
        assert shared.ask("POST", "/live/control", JSON, b"{}").status == 403

    def test_the_link_steers_once_changed_into_a_cookie(self, shared, tokens):
        reply = shared.ask("GET", "/", query=f"token={tokens[0]}")
        assert (reply.status, reply.headers["location"]) == (303, "/")
        cookie = reply.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        operator = {"cookie": cookie.partition(";")[0]}
        assert shared.ask("POST", "/live/control", {**JSON, **operator}, b"{}").status == 200

    def test_the_link_works_once_and_a_new_one_is_announced(self, shared, tokens):
        shared.ask("GET", "/", query=f"token={tokens[0]}")
        assert shared.ask("GET", "/", query=f"token={tokens[0]}").status == 403
        assert len(tokens) == 2
        assert shared.ask("GET", "/", query=f"token={tokens[1]}").status == 303

    @pytest.mark.parametrize("cookie", [f"{COOKIE}=x", f"{COOKIE}=", "=", "\x01", f'{COOKIE}="é"'])
    def test_invented_cookies_are_viewers(self, shared, cookie):
        status = shared.ask("POST", "/live/control", {**JSON, "cookie": cookie}, b"{}").status
        assert status == 403

    def test_the_tab_is_told_its_role(self, shared, tokens):
        cookie = shared.ask("GET", "/", query=f"token={tokens[0]}").headers["set-cookie"]

        async def roles():
            async with shared.serving() as tab:
                viewer, operator = tab(), tab(headers={"cookie": cookie.partition(";")[0]})
                return [(await socket.text("hello"))["role"] for socket in (viewer, operator)]

        assert asyncio.run(roles()) == ["viewer", "operator"]


CALLBACKS = {
    "out.children": {
        "callback": print,
        "inputs": [{"id": "in", "property": "value"}],
        "state": [{"id": "kept", "property": "data"}],
    },
    "..a.x...b.y..": {"callback": print, "inputs": [], "state": []},
    "theme.data": {"inputs": [], "state": []},
}
GOOD = {
    "output": "out.children",
    "outputs": {"id": "out", "property": "children"},
    "inputs": [{"id": "in", "property": "value", "value": 3}],
    "state": [{"id": "kept", "property": "data"}],
    "changedPropIds": ["in.value"],
}


def test_the_envelope_of_a_registered_callback_passes():
    envelope.check(GOOD, CALLBACKS)
    both = [{"id": "a", "property": "x"}, {"id": "b", "property": "y"}]
    envelope.check({"output": "..a.x...b.y..", "outputs": both}, CALLBACKS)


@pytest.mark.parametrize(
    "change",
    [
        {"output": "other.children"}, {"output": None}, {"output": ["out.children"]},
        {"output": "theme.data"}, {"inputs": []}, {"inputs": GOOD["inputs"] * 2}, {"inputs": None},
        {"inputs": [{"id": "kept", "property": "value"}]}, {"inputs": [{"id": {"a": 1}}]},
        {"inputs": [{**GOOD["inputs"][0], "evil": 1}]}, {"state": [3]}, {"outputs": None},
        {"outputs": {"id": "x", "property": "children"}}, {"changedPropIds": [{"a": 1}]},
        {"changedPropIds": ["kept.data"]}, {"changedPropIds": 3}, {"cancelJob": "1"},
        {"parsedChangedPropsIds": 3},
    ],
)  # fmt: skip
def test_any_other_envelope_is_refused(change):
    with pytest.raises(strict_json.JsonError):
        envelope.check({**GOOD, **change}, CALLBACKS)


@pytest.mark.parametrize("body", [None, [], 3, "x", {}, {"output": {}}])
def test_what_is_no_envelope_is_refused(body):
    with pytest.raises(strict_json.JsonError):
        envelope.check(body, CALLBACKS)


def test_numbers_that_are_not_finite_leave_as_null():
    text = strict_json.dumps({"a": [float("nan"), 1.5, {"b": float("inf")}], "c": (float("nan"),)})
    assert json.loads(text) == {"a": [None, 1.5, {"b": None}], "c": [None]}
