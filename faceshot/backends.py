"""The contract of an animation backend, for plug-in authors: ``from faceshot.backends import AnimationOptions``."""

from __future__ import annotations

from faceshot.pipeline.backends import AnimationOptions, Backend, MotionLength, list_backends, load_backend

__all__ = ["AnimationOptions", "Backend", "MotionLength", "list_backends", "load_backend"]
