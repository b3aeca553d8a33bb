"""Comparisons: conditions, controls, runs, jobs."""
