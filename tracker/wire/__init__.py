"""Formats of other programs that both importers and exports speak: bytes in, bytes out."""
