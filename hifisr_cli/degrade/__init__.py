"""From full-band recordings to what archives hold: band limits, codecs, noise, disturbances."""
