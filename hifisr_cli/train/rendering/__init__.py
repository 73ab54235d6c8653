"""Music that nobody wrote, rendered to train on: random scores, a synthesizer, a random production."""
