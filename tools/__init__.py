"""The eyes: pixel-level tools."""
