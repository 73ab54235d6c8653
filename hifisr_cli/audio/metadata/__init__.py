"""Tags, chunks and pictures: read from an input, treated for an output, written to it."""
