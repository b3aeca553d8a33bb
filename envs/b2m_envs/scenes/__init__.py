"""What a scene of driving is: its settings, its state, what is observed of it."""
