"""Curves of runs as pictures: SVG, PNG, and dots on a terminal."""
