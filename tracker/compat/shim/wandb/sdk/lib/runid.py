from tracker.values.random_names import generate_id  # noqa: F401
