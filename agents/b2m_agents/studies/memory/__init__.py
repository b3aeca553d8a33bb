"""The memory study."""
