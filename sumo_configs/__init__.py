"""The default city: net, vehicle types, colours for sumo-gui, and the script that writes it."""
