"""The real server over `feed.py`: options are those of `iov-twin`, HERTZ says how fast."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from app.__main__ import serve  # noqa: E402  found by the line above
from app.options import parse  # noqa: E402

if __name__ == "__main__":
    sys.exit(serve(parse(sys.argv[1:]), [str(HERE / "feed.py")]))
