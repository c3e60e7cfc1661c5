"""Tasks from local files."""
