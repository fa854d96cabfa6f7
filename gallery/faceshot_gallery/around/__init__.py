"""What surrounds a character: backdrops, effects, things that distract."""
