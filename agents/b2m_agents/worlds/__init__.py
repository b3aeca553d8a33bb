"""Worlds for Stable-Baselines3."""
