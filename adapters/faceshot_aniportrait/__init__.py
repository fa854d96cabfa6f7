"""AniPortrait: its networks."""
