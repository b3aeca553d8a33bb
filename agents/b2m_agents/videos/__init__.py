"""Videos of what an agent sees and does."""
