"""highway-env's traffic in batches: compiled, exact, without a Python object per vehicle."""
