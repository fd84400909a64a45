"""Write the generated tables of README.md: `python tests/update_readme.py`."""

from __future__ import annotations

import re
from pathlib import Path

from engine.params import markdown_table
from engine.stage import SCHEMES

README = Path(__file__).resolve().parents[1] / "README.md"


def scheme_table() -> str:
    rows = [f"| `{name}` | {about.ingredients} |" for name, about in SCHEMES.items()]
    return "| name | what it does |\n|---|---|\n" + "\n".join(rows)


def filled(text: str) -> str:
    """The README with its generated blocks as the code has them."""
    for name, block in (("schemes", scheme_table()), ("parameters", markdown_table())):
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda m, block=block: m[1] + block + "\n" + m[2], text)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
