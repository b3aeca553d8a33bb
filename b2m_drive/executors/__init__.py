"""Where jobs run: processes of this machine, Ray, SLURM, or any executor of a user's own."""
