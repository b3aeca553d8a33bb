"""Files: written whole, read with care, claimed, told apart."""
