"""Hostile recordings against the real command."""
