"""AudioSR (Liu et al., arXiv 2309.07314): latent diffusion for any sound."""
