"""Evidence: alignment, paired comparisons, their statistics and the report."""
