"""What the work costs that people wait for, each beside a floor measured in the same run."""
