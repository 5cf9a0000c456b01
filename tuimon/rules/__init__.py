"""Falco's rule language: read, checked, compiled, judged."""
