"""How often something that was lost is begun again, and when that is in vain."""

from __future__ import annotations

from collections import deque
from typing import Final

#: What was lost is begun again this often within the window, then it is left alone.
RESTARTS: Final = 5
WINDOW_S: Final = 60.0
#: How a sentence says that they are used up.
IN_VAIN: Final = f"started anew {RESTARTS} times within a minute"


class RestartBudget:
    """Counts losses on a clock."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque()

    def lose(self, now_s: float) -> int:
        """Note a loss; which restart follows within the window, 0 if none is left."""
        self._losses.append(now_s)
        while now_s - self._losses[0] > WINDOW_S:
            self._losses.popleft()
        return len(self._losses) if len(self._losses) <= RESTARTS else 0

    def renew(self) -> None:
        """Forget the losses."""
        self._losses.clear()
