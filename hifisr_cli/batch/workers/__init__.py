"""Who does the work: this process or worker processes, and what they say to each other."""
