"""What made a file, from which inputs: signed metadata (C2PA) and an invisible mark, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.provenance.checking import Credentials as Credentials
    from faceshot.provenance.checking import inspect_file as inspect_file
    from faceshot.provenance.keys import Chain as Chain
    from faceshot.provenance.keys import config_folder as config_folder
    from faceshot.provenance.keys import make_chain as make_chain
    from faceshot.provenance.signing import manifests as manifests
    from faceshot.provenance.signing import require_signer as require_signer
    from faceshot.provenance.signing import signed as signed
    from faceshot.provenance.signing import unsigned as unsigned
    from faceshot.provenance.watermark import Watermark as Watermark
    from faceshot.provenance.watermark import marked as marked
    from faceshot.provenance.watermark import read_watermark as read_watermark

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "checking": "Credentials inspect_file",
        "keys": "Chain config_folder make_chain",
        "signing": "manifests require_signer signed unsigned",
        "watermark": "Watermark marked read_watermark",
    },
)
