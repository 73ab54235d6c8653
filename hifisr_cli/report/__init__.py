"""What was done, to be seen and heard: spectrograms and the page about a run."""
