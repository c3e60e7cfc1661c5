"""What a task is, and tasks by what a user calls them."""
