"""`flux module`."""
