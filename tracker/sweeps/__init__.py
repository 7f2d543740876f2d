"""Sweeps: many runs of one program, whose parameters are chosen by what the earlier ones came to."""
