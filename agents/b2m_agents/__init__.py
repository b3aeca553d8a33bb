"""Studies and agents: where environments and students meet."""
