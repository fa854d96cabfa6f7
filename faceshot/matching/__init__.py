"""Picture -> 68 landmarks: where to look, what matches, tidied into a face."""
