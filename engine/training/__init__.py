"""Training headless: recorded traffic, episodes, checkpoints, a log."""
