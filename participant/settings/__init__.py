"""A module's `Config`: fields, types, layers of values, and what is told of them."""
