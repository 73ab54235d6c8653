"""Who does the work: this process, worker processes or the nodes of a cluster; and what they say to each other."""
