"""Networks that make the missing band, one folder each, behind one protocol."""
