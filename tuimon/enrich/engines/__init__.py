"""One module per container engine."""
