"""The Textual front end: the only part that knows a screen."""
