"""The web side of IoV Twin: the page, and the server that guards, streams and steers."""
