"""tuimon: watch a Linux node's system calls live, write Falco rules beside them, and put them in force at once."""

__version__ = "0.1.0"
