"""Scripts that run in the environment of another program; they import nothing of FaceShot."""
