"""Which files a model needs, where they lie, how they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.weights.download import remote_bytes as remote_bytes
    from faceshot.weights.places import looked_in as looked_in
    from faceshot.weights.resolve import NEEDS as NEEDS
    from faceshot.weights.resolve import Weight as Weight
    from faceshot.weights.resolve import cache_folder as cache_folder
    from faceshot.weights.resolve import check as check
    from faceshot.weights.resolve import find as find
    from faceshot.weights.resolve import find_folder as find_folder
    from faceshot.weights.resolve import groups as groups
    from faceshot.weights.resolve import hub_file as hub_file
    from faceshot.weights.resolve import hub_folder as hub_folder
    from faceshot.weights.resolve import is_offline as is_offline
    from faceshot.weights.resolve import list_weights as list_weights
    from faceshot.weights.resolve import locate as locate
    from faceshot.weights.resolve import members as members
    from faceshot.weights.resolve import missing as missing
    from faceshot.weights.resolve import where as where
    from faceshot.weights.text import REINSTALL as REINSTALL
    from faceshot.weights.text import command as command
    from faceshot.weights.text import licence_note as licence_note

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "download": "remote_bytes",
        "places": "looked_in",
        "resolve": "NEEDS Weight cache_folder check find find_folder groups hub_file hub_folder is_offline "
        "list_weights locate members missing where",
        "text": "REINSTALL command licence_note",
    },
)
