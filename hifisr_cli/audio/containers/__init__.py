"""What a file is and how it is laid out: first bytes, chunks, frames, pages, and whether all of it is there."""
