"""What clients may ask, and how they are answered."""
