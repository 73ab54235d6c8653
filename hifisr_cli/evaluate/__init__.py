"""Measuring: how close restored recordings come to the originals."""
