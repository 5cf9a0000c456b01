"""Who did it: processes, containers, users."""
