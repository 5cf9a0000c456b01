"""The Textual front end: the only part that knows a screen. It reads snapshots and history, and sends commands."""

import os

# Textual's paint timer adds up to two of its periods to every key press: 33 ms at its default of 60, 8 ms at 240, for
# the same CPU (it runs only while something is dirty). It is read once, when textual is first imported.
os.environ.setdefault("TEXTUAL_FPS", "240")
