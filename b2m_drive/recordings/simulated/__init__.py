"""Simulated brains."""
