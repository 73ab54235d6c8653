"""What else is wrong with a recording: hum, clipping, unused bits, a DC offset, its noise floor."""
