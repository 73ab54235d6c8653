"""Recordings in and out: open, resample, metadata, output. No network, no terminal."""
