"""Paper units in SI: the one place where MB, GHz, Wh and Mbit/s are converted."""

from __future__ import annotations

from typing import Final

#: Bits of one megabyte, MODEL A1 row 5: D_n is 0.5-2.0 MB, that is 4-16 Mbit.
BITS_PER_MB: Final = 8e6
#: Cycles of one Gcycle, and Hz of one GHz.
GIGA: Final = 1e9
#: bit/s of one Mbit/s.
BPS_PER_MBPS: Final = 1e6
#: Joules of one watt-hour.
J_PER_WH: Final = 3600.0
#: Length of one step in seconds, eq. (2).
STEP_S: Final = 1.0
