"""Many recordings: which ones, under which names, one after the other or side by side."""
