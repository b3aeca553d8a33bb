"""The driving study."""
