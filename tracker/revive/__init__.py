"""Runs brought back: gone on with where they were, or run again to see whether they come out the same."""
