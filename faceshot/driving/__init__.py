"""Clip -> sequence of landmarks: detectors, the tracker and its parts, built-in motions."""
