"""Driving environments in which something happens that the driver answers: a push, a brake."""
