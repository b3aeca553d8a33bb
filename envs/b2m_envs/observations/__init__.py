"""highway-env's observations of the traffic, for many worlds at once."""
