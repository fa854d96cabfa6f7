"""Guidance ``swap``: the paper's Eq. 3 to the letter. The picture is seen under a domain's image prompt (as with
``domain``), and the domain's pictures are seen anew under the picture's.

That costs the inversions of every picture of up to five domains per character; the results are kept by the character's
embedding, so a second run on it is as fast as ``domain``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceshot.errors import InputError
from faceshot.gallery.appearance import Gallery
from faceshot.gallery.derive import announce, derive_under, keep, no_pictures, warn_of
from faceshot.gallery.features import DomainFeatures, feature_cache, load
from faceshot.gallery.store import Domain, default_galleries, list_domains
from faceshot.landmarks import FloatArray
from faceshot.progress import progress

if TYPE_CHECKING:
    from faceshot.features import FeatureExtractor

log = logging.getLogger("faceshot")


def prompt_digest(digest: str, embed: FloatArray) -> str:
    """16 hex digits of the stored features' settings and a picture's embedding (D,), the latter in half precision."""
    return hashlib.sha256(digest.encode() + embed.astype("<f2").tobytes()).hexdigest()[:16]


def swapped(
    gallery: Gallery,
    chosen: Iterable[int],
    embed: FloatArray,
    extractor: FeatureExtractor,
    *,
    galleries: Sequence[str | Path] = (),
    cache_dir: str | Path | None = None,
) -> Gallery:
    """``gallery`` with the features of the ``chosen`` domains recomputed under the image prompt ``embed`` (D,).

    Args:
        galleries: where its pictures are, as given to :meth:`Gallery.load`.

    Raises:
        InputError: a chosen domain has no pictures, only ready features.
    """
    import torch

    digest = prompt_digest(gallery.digest, embed)
    # Below a folder of their own: they are not the gallery's features, and building those must not clear these away.
    root = feature_cache(cache_dir) / "swap" / digest
    wanted = {index: gallery.features[index] for index in sorted(set(chosen))}
    found: dict[int, DomainFeatures] = {}
    for index, stored in wanted.items():
        path = root / f"{stored.content}.safetensors"
        if path.is_file():
            try:
                found[index] = load(path, digest)
            except InputError as error:
                log.warning("%s; made again", error)
    missing = [index for index in wanted if index not in found]
    sources = _with_pictures(gallery, missing, galleries) if missing else {}
    if missing:
        warn_of(root)
        announce(list(sources.values()), extractor, embeds=False)
        prompt = torch.from_numpy(embed).to(extractor.device)
    settings = {**extractor.settings.describe(), "guidance": "swap"}
    for index in progress(missing, "gallery under this picture", total=len(missing), unit="domain"):
        made = derive_under(sources[index], extractor, prompt, wanted[index])
        found[index] = replace(made, digest=digest)
        keep(root / f"{made.content}.safetensors", found[index], settings, gallery.domains[index])
    under = [replace(found.get(i, stored), digest=gallery.digest) for i, stored in enumerate(gallery.features)]
    return Gallery(gallery.domains, tuple(under), gallery.digest)


def _with_pictures(gallery: Gallery, wanted: Sequence[int], galleries: Sequence[str | Path]) -> dict[int, Domain]:
    """The domains ``wanted``, found by their content in the galleries on disk."""
    sources = _sources(galleries)
    for index in wanted:
        if gallery.features[index].content not in sources:
            raise no_pictures(gallery.domains[index])
    return {index: sources[gallery.features[index].content] for index in wanted}


def _sources(galleries: Sequence[str | Path]) -> dict[str, Domain]:
    """Content digest -> domain with pictures."""
    domains = [domain for gallery in galleries or default_galleries() for domain in list_domains(gallery)]
    return {domain.content(): domain for domain in domains if domain.pictures}
