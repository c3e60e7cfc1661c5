"""Every task, reading and stream scored, as a run."""
