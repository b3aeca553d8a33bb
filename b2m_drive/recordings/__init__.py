"""Recordings of brains: types, readers, simulated ones, and whether they can teach."""
