"""The simulation of IoV Twin: mobility, twins, offloading, schemes, the store that shows them."""

from pathlib import Path
from typing import Final

#: The folder that holds `assets/` and `sumo_configs/`, in a checkout and in site-packages alike.
ROOT: Final = Path(__file__).resolve().parents[1]
