"""Networks, each defined once and used singly or stacked over clients; see `layers`."""
