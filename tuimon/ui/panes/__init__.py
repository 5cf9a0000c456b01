"""One pane per module: a list with its head, foot, title and keys."""
