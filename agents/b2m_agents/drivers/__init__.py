"""Who drives, and what is kept of it."""
