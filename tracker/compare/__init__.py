"""What is the same and what differs between two runs, and what that means."""
