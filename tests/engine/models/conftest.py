"""Learning tests run on one thread: with two beside a busy core torch is many times slower."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
