"""Loudness by BS.1770-4: K-weighting, gating, true peak."""
