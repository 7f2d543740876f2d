"""Results to send: a run's rows as a table, or everything of it as one page."""
