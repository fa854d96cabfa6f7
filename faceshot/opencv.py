"""Which OpenCV is there.

Four distributions install into the one folder ``cv2``, and a second one overwrites the first: so none of them is a
requirement of FaceShot. Whichever is there is used; where there is none, it is said which command gets one.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from faceshot.errors import MissingError

#: Any of them will do; the first one is advised, as it needs no libraries of a desktop.
DISTRIBUTIONS = (
    *("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
)


def opencv_versions() -> dict[str, str]:
    """Version of every OpenCV distribution that is installed; more than one share the folder of the last."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def opencv_fault() -> str | None:
    """Why ``cv2`` cannot be imported, with the command that mends it; None if it can. Imports nothing."""
    spec = find_spec("cv2")
    if spec is None:
        return f"OpenCV (cv2) is not installed, any of its packages will do: pip install {DISTRIBUTIONS[0]}"
    if spec.origin is None:  # what is left after one of two distributions was uninstalled
        name = next(iter(opencv_versions()), DISTRIBUTIONS[0])
        return f"the folder cv2 holds no OpenCV any more, mend it: pip install --force-reinstall --no-deps {name}"
    return None


def require_opencv() -> None:
    """Refuse to go on without OpenCV.

    Raises:
        MissingError: it is not there or does not import; with the command that mends it.
    """
    if (fault := opencv_fault()) is not None:
        raise MissingError(fault)
    try:
        import cv2  # noqa: F401  # a desktop build needs libraries that a server lacks
    except ImportError as error:
        said = " ".join(str(error).split())[:200]
        here = " ".join(opencv_versions()) or "opencv-python"
        fix = f"pip uninstall {here}, then pip install {DISTRIBUTIONS[0]}"
        raise MissingError(f"OpenCV (cv2) is installed but does not import ({said}): {fix}") from error
