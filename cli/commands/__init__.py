"""One file a command, one folder a family."""
