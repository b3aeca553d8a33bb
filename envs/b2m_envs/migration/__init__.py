"""From highway-env's ids and configuration dictionaries to our environments."""
