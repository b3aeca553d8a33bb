"""highway-env, as the oracle and for what only it can simulate."""
