"""Teachers: recordings, simulated brains, their latent dynamics, and their controls."""
