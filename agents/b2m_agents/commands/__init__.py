"""The command `b2m-drive`: one file a verb, which parses, calls and prints."""
