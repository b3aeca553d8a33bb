"""Episodes: one, many at once, in processes."""
