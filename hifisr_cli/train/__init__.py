"""The training recipe: data on the fly, losses, the loop."""
