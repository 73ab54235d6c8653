"""Shipped and user-made checkpoints: the frozen format and where models are found."""
