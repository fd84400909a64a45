"""Learning: replay, TD3, federation and AdFL, on whatever networks `engine.models` has."""
