"""The durable list of decisions: the only durable state there is."""
