"""Restored samples out: quantised with dither, encoded, written to a file or a pipe."""
