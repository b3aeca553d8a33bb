"""Named data sets: one module each, which knows where the data are, and what is in them."""
