"""How far a restored recording is from the original."""
