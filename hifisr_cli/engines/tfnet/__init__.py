"""TFNet (Lim et al., ICASSP 2018): a branch on the waveform and one on its magnitude spectrum, fused."""
