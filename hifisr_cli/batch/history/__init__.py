"""What was done: the journal and its lock, records, and checking outputs against them."""
