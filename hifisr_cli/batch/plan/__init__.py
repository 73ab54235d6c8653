"""Before any work: which recordings there are and where each output goes."""
