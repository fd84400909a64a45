"""When the next step is due, and how fast steps come; on the monotonic clock alone."""

from __future__ import annotations

from collections import deque
from typing import Final

_WINDOW_S: Final = 3.0


class Pacer:
    """Keeps simulated seconds at `speed` per second of the clock, without ever catching up.

    A step that took too long, or a machine that slept, delays all later steps: simulated time does
    not chase the clock.
    """

    def __init__(self) -> None:
        self._last_due: float | None = None
        self._times: deque[float] = deque()

    def wait_s(self, speed: int, now: float) -> float:
        """Seconds until the next step is due, 0 when it is.

        Args:
            speed: steps per second, 0 for no limit.
            now: the clock.
        """
        if speed <= 0 or self._last_due is None:
            return 0.0
        return max(0.0, self._last_due + 1.0 / speed - now)

    def stepped(self, speed: int, now: float) -> None:
        """Note that a step begins now."""
        due = now if self._last_due is None or speed <= 0 else self._last_due + 1.0 / speed
        # Up to half a period late is jitter and is made up for; more is not.
        late = now - due
        self._last_due = due if speed > 0 and 0.0 <= late < 0.5 / speed else now
        self._times.append(now)
        while len(self._times) > 2 and now - self._times[0] > _WINDOW_S:
            self._times.popleft()

    def measured(self, now: float) -> float:
        """Steps per second over the last three seconds, 0 when there were none."""
        if len(self._times) < 2 or now - self._times[-1] > _WINDOW_S:
            return 0.0
        return (len(self._times) - 1) / max(1e-6, self._times[-1] - self._times[0])
