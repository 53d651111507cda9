"""The commands: thin, and quick to start, since scripts call them in loops."""
