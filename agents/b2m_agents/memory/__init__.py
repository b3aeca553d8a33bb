"""Agents of the memory tasks."""
