"""Tasks of MTEB as layer tasks."""
