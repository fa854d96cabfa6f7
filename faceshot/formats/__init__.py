"""Landmark and sequence files, ours and other programs'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.formats.arrays import of_array as of_array
    from faceshot.formats.content import Content as Content
    from faceshot.formats.files import holds_one as holds_one
    from faceshot.formats.files import is_landmark_file as is_landmark_file
    from faceshot.formats.files import read_content as read_content
    from faceshot.formats.files import read_landmarks as read_landmarks
    from faceshot.formats.files import read_sequence as read_sequence
    from faceshot.formats.files import write_landmarks as write_landmarks
    from faceshot.formats.files import write_sequence as write_sequence
    from faceshot.formats.live_link import live_link_text as live_link_text

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "arrays": "of_array",
        "content": "Content",
        "files": "holds_one is_landmark_file read_content read_landmarks read_sequence write_landmarks write_sequence",
        "live_link": "live_link_text",
    },
)
