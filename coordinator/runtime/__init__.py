"""Threads beside the loop, and the log."""
