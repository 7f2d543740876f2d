"""The command line: text or JSON out, no logic of its own."""
