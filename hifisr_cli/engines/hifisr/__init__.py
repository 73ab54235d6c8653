"""HiFi-SR: log-mel front end, MossFormer latent, HiFi-GAN head; the bundled network and the published weights."""
