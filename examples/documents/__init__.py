"""Documents as Markdown and content lists: operations and the old routes."""
