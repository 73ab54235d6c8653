"""What a recording holds, as it sounds: speech, or something else."""
