"""TOML and JSON files: read, merged, and where in them a key was written."""
