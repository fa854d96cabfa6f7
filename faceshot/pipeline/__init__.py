"""The stages in order: ``FaceShot``, what is planned before anything loads, the backend contract, the sidecar."""
