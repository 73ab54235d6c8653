"""The networks, from the parts up: log-mel front end, MossFormer latent, HiFi-GAN head, and their composition."""
