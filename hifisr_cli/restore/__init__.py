"""Restoring one recording: survey, chunks, network, low-band replacement, output."""
