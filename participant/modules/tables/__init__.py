"""Tables of the configuration that several bundled modules read."""
