"""Agents whose encoder learns with them, a brain teaching it meanwhile."""
