"""``python -m tuimon``."""

import sys


def _run() -> int:
    """Run the command line; a Ctrl+C while it is being imported says no more than it does later."""
    try:
        from tuimon.cli import main

        return main()
    except KeyboardInterrupt:
        return 130


sys.exit(_run())
