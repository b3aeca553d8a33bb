"""Training of driving agents, and their folder."""
