"""One tab per module, and what they have in common."""
