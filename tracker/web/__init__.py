"""The page: records over HTTP, for a browser on this machine."""
