"""Real engines for faults that a stand-in cannot have."""

from tests.engine.live.conftest import open_engine

__all__ = ["open_engine"]
