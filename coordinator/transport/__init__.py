"""Connections to participants."""
