"""The dashboard with a stand-in engine: `python tests/app/serve_fake.py --port 8050 --store DIR`.

Options are those of `iov-twin`; `HERTZ` in the environment sets the frames per second (1).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))


def main() -> int:
    """Serve until Ctrl-C."""
    from app.__main__ import serve  # noqa: PLC0415
    from app.options import parse  # noqa: PLC0415

    options = parse(sys.argv[1:])
    vehicles = str(options.control.params.target_vehicles(0.0))
    hertz = os.environ.get("HERTZ", "1")
    engine = [str(HERE / "fake_engine.py"), "--vehicles", vehicles, "--hertz", hertz]
    return serve(options, engine)


if __name__ == "__main__":
    sys.exit(main())
