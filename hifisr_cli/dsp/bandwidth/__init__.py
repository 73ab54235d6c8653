"""Where the real content of a recording ends: its cutoff."""
