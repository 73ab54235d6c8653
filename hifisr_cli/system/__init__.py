"""What operating systems do differently, under one name each. Nothing else asks which of them it runs on."""
