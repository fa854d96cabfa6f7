"""Pictures and video in and out, and drawings of landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.media.audio import SoundInfo as SoundInfo
    from faceshot.media.audio import probe_sound as probe_sound
    from faceshot.media.clip import DEFAULT_RATE as DEFAULT_RATE
    from faceshot.media.clip import fit_side as fit_side
    from faceshot.media.clip import frame_at as frame_at
    from faceshot.media.container import open_media as open_media
    from faceshot.media.drawing import CONFIDENCE_COLOURS as CONFIDENCE_COLOURS
    from faceshot.media.drawing import OverlayOptions as OverlayOptions
    from faceshot.media.drawing import contact_sheet as contact_sheet
    from faceshot.media.drawing import drawn_frames as drawn_frames
    from faceshot.media.drawing import overlay as overlay
    from faceshot.media.folder import FolderPictures as FolderPictures
    from faceshot.media.folder import pictures_in as pictures_in
    from faceshot.media.image import SUFFIXES as SUFFIXES
    from faceshot.media.image import check_file as check_file
    from faceshot.media.image import decode as decode
    from faceshot.media.image import read_picture as read_picture
    from faceshot.media.image import write_picture as write_picture
    from faceshot.media.sticker import STICKERS as STICKERS
    from faceshot.media.sticker import StickerWriter as StickerWriter
    from faceshot.media.sticker import check_sticker as check_sticker
    from faceshot.media.video import VideoWriter as VideoWriter
    from faceshot.media.video import keeps_alpha as keeps_alpha
    from faceshot.media.video import probe as probe
    from faceshot.media.video import read_frames as read_frames
    from faceshot.media.writer import check_format as check_format

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "audio": "SoundInfo probe_sound",
        "clip": "DEFAULT_RATE fit_side frame_at",
        "container": "open_media",
        "drawing": "CONFIDENCE_COLOURS OverlayOptions contact_sheet drawn_frames overlay",
        "folder": "FolderPictures pictures_in",
        "image": "SUFFIXES check_file decode read_picture write_picture",
        "sticker": "STICKERS StickerWriter check_sticker",
        "video": "VideoWriter keeps_alpha probe read_frames",
        "writer": "check_format",
    },
)
