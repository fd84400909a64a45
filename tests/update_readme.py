"""Write the generated tables of README.md: `python tests/update_readme.py`."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import wrap

from engine.envs.observations import COLUMNS
from engine.params import markdown_table
from engine.stage import SCHEMES

README = Path(__file__).resolve().parents[1] / "README.md"


def scheme_table() -> str:
    rows = [f"| `{name}` | {about.ingredients} |" for name, about in SCHEMES.items()]
    return "| name | what it does |\n|---|---|\n" + "\n".join(rows)


def column_list() -> str:
    names = ", ".join(f"`{name}`" for name in COLUMNS)
    return "\n".join(wrap(names, 119)) + "."


def filled(text: str) -> str:
    """The README with its generated blocks as the code has them."""
    blocks = {
        "schemes": scheme_table(),
        "parameters": markdown_table(),
        "columns": column_list(),
    }
    for name, block in blocks.items():
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda m, block=block: m[1] + block + "\n" + m[2], text)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
