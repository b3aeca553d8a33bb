"""Studies: one file a question, each bringing an environment and a student together."""
