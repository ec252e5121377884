"""Rules that nobody has stated yet."""
