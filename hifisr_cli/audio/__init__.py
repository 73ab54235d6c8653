"""Recordings in and out: decode, resample, quantise, encode. No network, no terminal."""
