"""Pages beside the first: their own HTML, layout and script in the same application."""

from __future__ import annotations

import asyncio
import json
import re


def fetch(site, *paths):
    async def ask():
        async with site.serving():
            return [await site.ask_async("GET", path) for path in paths]

    return asyncio.run(ask())


def config(page):
    return json.loads(re.search(r'id="_dash-config"[^>]*>(.*?)</script>', page)[1])


def test_a_further_page_has_a_title_script_and_prefix_of_its_own(site):
    first, other = (reply.body.decode() for reply in fetch(site, "/", "/compare"))
    assert "<title>IoV Twin</title>" in first
    assert "<title>Side by side</title>" in other
    assert 'src="/assets/live/main.mjs"' in first
    assert 'src="/assets/compare/main.mjs"' in other
    assert config(first)["requests_pathname_prefix"] == "/"
    assert config(other)["requests_pathname_prefix"] == "/compare/"


def test_making_a_further_page_leaves_the_first_as_it_was(site):
    before, _, after = fetch(site, "/", "/compare", "/")
    assert config(before.body.decode())["requests_pathname_prefix"] == "/"
    assert config(after.body.decode())["requests_pathname_prefix"] == "/"


def test_each_page_gets_its_layout_and_the_same_callbacks(site):
    parts = ("_dash-layout", "_dash-dependencies")
    paths = [f"{page}/{part}" for part in parts for page in ("", "/compare")]
    first, other, callbacks, same = (reply.json for reply in fetch(site, *paths))
    assert first["props"]["children"] == "page"
    assert other["props"]["children"] == "another page"
    assert callbacks == same


def test_plotly_is_the_first_pages(site):
    path = "/_dash-component-suites/plotly/package_data/plotly.min.js"
    (reply,) = fetch(site, f"/compare{path}")
    assert (reply.status, reply.headers["location"]) == (308, path)
