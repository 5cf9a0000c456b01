"""Container engines, one module each; they run in the background thread of ``Containers``, never on the event path."""
