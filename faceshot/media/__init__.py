"""Pictures and video in and out, and drawings of landmarks."""
