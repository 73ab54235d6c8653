"""Log-mel front end and HiFi-GAN head, in front of and behind the networks of several engines."""
