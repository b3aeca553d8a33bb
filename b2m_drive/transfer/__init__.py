"""Brain Contrastive Transfer and Brain Latent Transfer, for any layer of any network."""
