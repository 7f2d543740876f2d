"""The rooms behind `tracker.artifact`: drafts, logged versions, entries, references."""
