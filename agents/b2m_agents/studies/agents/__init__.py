"""The agents' study."""
