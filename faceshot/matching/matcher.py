"""Character picture -> 68 landmarks: find the face, look closer, choose gallery domains per part, match, tidy.

The paper asks a language model where the five parts are. Here the matcher does it itself, coarse to fine: it looks at
the whole picture with vectors averaged over all domains and, where that is no face, at the places that landmarks vote
for; a second pass on an upright close-up chooses a domain for every part and matches again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from faceshot.errors import UsageError
from faceshot.features import normalised, sample_features
from faceshot.landmarks import (
    Anchors,
    Box,
    Crop,
    FaceWish,
    FloatArray,
    Landmarks,
    Picture,
    RGBArray,
    Size,
    bind,
    check_anchors,
    check_box,
    check_wish,
    choose,
    face_from_anchors,
    face_from_box,
    nme,
    overlap,
)
from faceshot.landmarks.topology import FLIP, LEFT_EYE, PART_POINTS, PARTS, RIGHT_EYE
from faceshot.matching.domains import agreement as domain_agreement
from faceshot.matching.domains import by_agreement, by_embedding, gathered, part_embeds
from faceshot.matching.faces import seek
from faceshot.matching.looking import absent_parts, fit_parts, raw_matches
from faceshot.matching.rearrange import rearrange
from faceshot.matching.result import Look, Match
from faceshot.matching.search import SearchOptions, suspects
from faceshot.matching.shape import ShapeOptions
from faceshot.matching.trust import Trial, Trust, lead, learn
from faceshot.matching.views import MIRRORED, Views
from faceshot.threads import one_blas_thread

if TYPE_CHECKING:
    from faceshot.gallery import Gallery
    from faceshot.models import DType

Regularise = Literal["none", "faceshot", "robust"]
#: Boxes that share more than this (intersection over union) are of one face.
_ONE_FACE = 0.35
_LOST = 0.15  # error of a first look that is no use to begin from


class Matcher:
    """Finds the landmarks of characters with one model and its galleries.

    Args:
        preset: name or folder of the diffusion model (``faceshot.models.presets``).
        galleries: folders or names of galleries to combine; empty means the shipped one, and the user's if there is.
        device, dtype: where and how the model runs.
        offline: never look on the network for weights.
        cache_dir: where derived gallery features are kept; None means the user's cache.
        low_vram: less memory on the device, more time.

    Raises:
        UsageError: unknown preset or gallery. MissingError: weights are not here.
    """

    def __init__(
        self,
        preset: str = "mini",
        *,
        galleries: Sequence[str | Path] = (),
        device: str = "cpu",
        dtype: DType = "auto",
        offline: bool = False,
        cache_dir: str | Path | None = None,
        search: SearchOptions | None = None,
        low_vram: bool = False,
    ) -> None:
        from faceshot.features import FeatureExtractor
        from faceshot.gallery import Gallery

        self._places, self._cache_dir = tuple(galleries), cache_dir
        self.extractor = FeatureExtractor.from_preset(
            preset, device=device, dtype=dtype, offline=offline, low_vram=low_vram
        )
        self.gallery = Gallery.load(galleries, self.extractor, cache_dir=cache_dir)
        self.search = search or SearchOptions()
        self.views = Views.shipped()
        self.prior = self.views.front
        self.shape_options = ShapeOptions(temperature=self.extractor.preset.temperature)

    @property
    def threshold(self) -> float:
        """Confidence below which a match should not be trusted (``Preset.threshold``)."""
        return float(self.extractor.preset.threshold)

    def match(
        self,
        picture: Picture,
        *,
        box: Box | None = None,
        points: Anchors | None = None,
        face: FaceWish | None = None,
        regularise: Regularise = "robust",
        domains: Sequence[str] | None = None,
    ) -> Match:
        """Find the face in ``picture`` and its landmarks; always answers, see ``Match.confidence``.

        Args:
            box: (left, top, right, bottom) of the face in pixels; skips the search.
            points: hand-set anchors (``topology.ANCHORS``) in pixels, two or more; skip the search, are met exactly.
            face: of several faces, ``largest``, ``left``, ``right`` or the n-th from the left, counted from 1; None is
                the one that is found first.
            regularise: ``robust`` shape prior, ``faceshot`` upstream's rearrangement, ``none`` raw matches.
            domains: use only these gallery domains.

        Raises:
            UsageError: unknown option, face, anchor or domain; a box without area or outside the picture.
            NoFaceError: there are faces, but not so many.
        """
        self._check(picture, box, points, regularise)
        if face is not None and (box is not None or points):
            raise UsageError("face chooses among the faces found, box and points say where it is; give one of them")
        gallery = self._base if domains is None else self.gallery.only(domains)
        wish = None if face is None else check_wish(face)
        if wish is not None and (all_ := self.match_all(picture, regularise=regularise, domains=domains)):
            return all_[choose([match.box for match in all_], wish)]
        rgb = picture.flat()
        with self.extractor.session(), one_blas_thread():
            if points:
                return self._settled(rgb, face_from_anchors(self.prior.mean, points), gallery, regularise, points)
            if box is not None:
                return self._settled(rgb, face_from_box(self.prior.mean, box), gallery, regularise)
            first, *others = self._spots(picture, rgb)
            return replace(self._settled(rgb, first, gallery, regularise), faces=1 + len(others))

    def match_all(
        self, picture: Picture, *, regularise: Regularise = "robust", domains: Sequence[str] | None = None
    ) -> list[Match]:
        """Every face in ``picture`` that is sure enough (:attr:`threshold`), from left to right; empty if none is.

        Raises:
            UsageError: unknown option or domain.
        """
        self._check(picture, None, None, regularise)
        gallery = self._base if domains is None else self.gallery.only(domains)
        rgb = picture.flat()
        with self.extractor.session(), one_blas_thread():
            places = self._spots(picture, rgb, thorough=True)
            found = [self._settled(rgb, place, gallery, regularise) for place in places]
        kept: list[Match] = []
        for match in sorted(found, key=lambda match: -match.confidence):
            apart = not kept or overlap(np.array([other.box for other in kept]), np.array(match.box)).max() < _ONE_FACE
            if match.confidence >= self.threshold and apart:
                kept.append(match)
        kept.sort(key=lambda match: match.box[0] + match.box[2])
        return [replace(match, faces=len(kept)) for match in kept]

    def _check(self, picture: Picture, box: Box | None, points: Anchors | None, regularise: str) -> None:
        if regularise not in get_args(Regularise):
            raise UsageError(f"unknown regularise {regularise!r}; use one of {', '.join(get_args(Regularise))}")
        if points is not None:
            check_anchors(points)
        if box is not None:
            check_box(box, picture.size)

    def _settled(
        self, rgb: RGBArray, where: FloatArray, gallery: Gallery, regularise: Regularise, points: Anchors | None = None
    ) -> Match:
        """Look closer at a face about ``where`` (68, 2), once more where the first look was off."""
        result = self._closer(rgb, where, gallery, regularise, points)
        extent = float(np.ptp(result.landmarks.xy, axis=0).max())
        if not points and float(np.linalg.norm(where - result.landmarks.xy, axis=1).mean()) > 0.1 * extent:
            again = self._closer(rgb, result.landmarks.xy, gallery, regularise, points)
            result = max(result, again, key=lambda match: match.confidence)
        return result

    def _overall(self, gallery: Gallery) -> tuple[FloatArray, np.ndarray, np.ndarray | None]:
        """Vectors (68, C) averaged over the domains, which of them exist, and the mean image prompt where used."""
        known = gallery.valid[..., None]
        vectors = normalised((gallery.vectors * known).sum(0) / np.maximum(known.sum(0), 1))
        embed = gallery.image_embeds.mean(0) if self.extractor.preset.domain_prompts else None
        return vectors, np.asarray(gallery.valid.any(0)), embed

    def looks(self, rgb: RGBArray, crops: Sequence[Crop], gallery: Gallery | None = None) -> list[Look]:
        """A first look at each square of a picture (H, W, 3), with vectors averaged over the gallery's domains."""
        gallery = gallery or self._base
        overall, valid, embed = self._overall(gallery)
        found = []
        for start in range(0, len(crops), 4):
            some = crops[start : start + 4]
            maps = self._features(np.concatenate([_with_mirror(crop.apply(rgb)) for crop in some]), embed)
            maps = maps.reshape(len(some), 2, *maps.shape[1:])
            found += [
                self._look(crop, [pair] * len(PARTS), overall, valid, gallery)
                for crop, pair in zip(some, maps, strict=True)
            ]
        return found

    @cached_property
    def _scout(self) -> Matcher:
        """The small model, which finds a face in the time a large one needs to blink."""
        return Matcher("mini", galleries=("shipped",), cache_dir=self._cache_dir, offline=True)

    def _spots(self, picture: Picture, rgb: RGBArray, *, thorough: bool = False) -> list[FloatArray]:
        """Where faces are (68, 2), the one to take first, the others only if sure, or as good as sure if ``thorough``.

        Of a large model only the closer look is asked, unless the small one is lost.
        """
        if self.extractor.preset.encoder == "vae":
            known = self._scout.match_all(picture) if thorough else [self._scout.match(picture)]
            known = [match for match in known if match.confidence >= self._scout.threshold]
            if known:
                return [match.landmarks.xy for match in known]
        looks = self._seek(rgb, thorough=thorough, wide=self.extractor.preset.encoder != "vae")
        least = self.search.worth if thorough else self.search.enough
        return [looks[0].xy, *(look.xy for look in looks[1:] if look.quality >= least)]

    def _seek(self, rgb: RGBArray, *, thorough: bool, wide: bool) -> list[Look]:
        """Looks at all that may be a face, the best first, each face once (:func:`faces.seek`)."""
        side, wanted = self.extractor.image_size, self._overall(self._base)
        return seek(
            lambda crops: self.looks(rgb, crops),
            lambda count: suspects(self.extractor, rgb, *wanted, self.views, count, self.search),
            Size(rgb.shape[1], rgb.shape[0]),
            side,
            self.search if wide else replace(self.search, sides=(), upright_enough=0.0),
            thorough=thorough,
        )

    def _closer(
        self, rgb: RGBArray, where: FloatArray, gallery: Gallery, regularise: Regularise, points: Anchors | None
    ) -> Match:
        # 1. An upright close-up of the face and its mirror image.
        side, temperature = self.extractor.image_size, self.shape_options.temperature
        crop = self._close_up(where)
        images = _with_mirror(crop.apply(rgb))
        # 2. A domain for every part, and the picture's features under that domain's image prompt where the model
        #    takes one (FaceShot's appearance guidance, section 3.1).
        if self.extractor.preset.domain_prompts:
            ranked = by_embedding(self.extractor, rgb, where, gallery)[:1]
            used = sorted(set(ranked[0]))
            maps = dict(zip(used, self._features_under(images, gallery.image_embeds[used]), strict=True))
            if self.extractor.preset.guidance == "swap":
                gallery = self._swapped(rgb, gallery, used)
        else:
            plain = self._features(images)
            ranked = self._rank(plain[0], crop.to_crop(where), gallery)[: self.search.domains]
            maps = dict.fromkeys(ranked[0], plain)
        chosen = [int(d) for d in ranked[0]]
        pairs = [maps[d] for d in chosen]
        vectors, valid = gathered(gallery.vectors, gallery.valid, ranked)
        names = [gallery.domains[d] for d in chosen]
        # 3. A domain of the user's leads where it has proved to help and the picture is of its kind.
        if gallery is self._base and self._trusts:
            leader = lead(self._trusts, self.gallery, part_embeds(self.extractor, rgb, where))
            if leader is not None:
                vectors, valid = leader.mixed(vectors, valid, self.gallery)
                names = [self.gallery.domains[leader.domain]] * len(PARTS) if leader.share >= 0.5 else names
        # 4. Match, and tidy.
        look = self._look(crop, pairs, vectors, valid, gallery)
        if gallery is not self._base and not self.extractor.preset.domain_prompts:
            # The whole gallery judges, however few domains were allowed.
            ranked = self._rank(plain[0], crop.to_crop(look.xy), self._base)[: self.search.domains]
            usual = self._look(crop, pairs, *gathered(self._base.vectors, self._base.valid, ranked), self._base)
            look = replace(look, logit=max(look.logit, usual.logit), agreement=usual.agreement)
            gallery = self._base
        raw, score = raw_matches(pairs, vectors, Size(side, side), self.extractor.device, temperature)
        xy = look.xy
        if regularise == "none":
            xy = crop.to_picture(raw)
        elif regularise == "faceshot":
            xy = crop.to_picture(rearrange(raw.astype(np.float64)))
        if points:
            xy = bind(xy, {name: np.array(place) for name, place in points.items()})
        size = Size(rgb.shape[1], rgb.shape[0])
        absent = absent_parts(look, gallery, self.search.present, temperature)
        landmarks = Landmarks(xy, size, look.weight, absent, look.hidden)
        return Match(
            landmarks=landmarks,
            confidence=look.quality,
            raw=Landmarks(crop.to_picture(raw), size, np.clip(score, 0, 1)),
            domains=dict(zip(PARTS, names, strict=True)),
            box=landmarks.box(),
        )

    def _close_up(self, where: FloatArray) -> Crop:
        """The upright square about a face with landmarks (68, 2)."""
        across = where[list(LEFT_EYE)].mean(0) - where[list(RIGHT_EYE)].mean(0)
        roll = math.degrees(math.atan2(across[1], across[0]))
        angle = roll if abs(roll) > self.search.upright else 0.0
        return Crop.around(where, scale=self.search.crop, out=self.extractor.image_size, angle=angle)

    def _rank(self, features: np.ndarray, near: FloatArray, gallery: Gallery) -> np.ndarray:
        """(D, 5) domains of every part, best first."""
        return by_agreement(features, near, gallery, self.extractor.image_size)

    @cached_property
    def _base(self) -> Gallery:
        """The domains that search and judge: all but the user's that are trusted only as far as they have proved."""
        own = {trust.domain for trust in self._trusts}
        return (
            self.gallery.only([n for i, n in enumerate(self.gallery.domains) if i not in own]) if own else self.gallery
        )

    @cached_property
    def _trusts(self) -> tuple[Trust, ...]:
        """What the user's domains have proved; a large model, which takes minutes for that, chooses by likeness."""
        from faceshot.gallery import feature_cache, own_domains

        if self.extractor.preset.encoder == "vae":
            return ()
        place = feature_cache(self._cache_dir) / self.gallery.digest / "trust.json"
        return learn(self.gallery, own_domains(self._places), self._trial, place)

    def _trial(self, rgb: RGBArray, truth: Landmarks, gallery: Gallery) -> Trial:
        # Not from the truth but as a search comes to it: the outline is what a domain of one's own teaches most.
        where = self.looks(rgb, [Crop.whole(Size(*rgb.shape[1::-1]), self.extractor.image_size)], gallery)[0].xy
        crop = self._close_up(where if nme(where, truth.xy, visible=truth.visible) < _LOST else truth.xy)
        seen = self._features(_with_mirror(crop.apply(rgb)))
        ranked = self._rank(seen[0], crop.to_crop(truth.xy), gallery)[: self.search.domains]

        def fit(vectors: FloatArray, valid: np.ndarray) -> FloatArray:
            return self._look(crop, [seen] * len(PARTS), vectors, valid, gallery).xy

        plain = gathered(gallery.vectors, gallery.valid, ranked)
        return Trial(truth, part_embeds(self.extractor, rgb, truth.xy), fit, plain)

    def _look(
        self, crop: Crop, pairs: list[np.ndarray], vectors: FloatArray, valid: np.ndarray, gallery: Gallery
    ) -> Look:
        """Fit the face in a square, seen plainly and in the mirror.

        ``pairs`` holds one (2, C, h, w) array per part: features of the square and of its mirror image. A face gives
        the same landmarks both times, looks like some domain at its landmarks, and has an ordinary shape; from these
        the quality is computed (``Preset.confidence``).
        """
        side = self.extractor.image_size
        plain, mirror = ([pair[k] for pair in pairs] for k in (0, 1))
        view, fit = fit_parts(plain, vectors, valid, self.views, self.shape_options, side)
        _, other = fit_parts(mirror, vectors, valid, self.views, self.shape_options, side, (MIRRORED[view],))
        back = other.xy[list(FLIP)] * np.array([-1, 1]) + np.array([side - 1, 0])
        weight, weight_back = fit.weight, other.weight[list(FLIP)]
        share = ((weight + 1e-3) / (weight + weight_back + 2e-3))[:, None]
        # How alike the landmarks are to the vectors used, and every part to the best domain.
        seen = np.empty_like(vectors)
        for part, pair in zip(PARTS, pairs, strict=True):
            index = list(PART_POINTS[part])
            seen[index] = normalised(sample_features(pair[0], fit.xy[index], Size(side, side)))
        shown = valid & (self.views.priors[view].seen > 0.5)
        likeness = float((seen * vectors).sum(1)[shown].mean())
        agreement = domain_agreement(seen, gallery)
        best = float(agreement.max(axis=0).mean())
        apart = float(np.linalg.norm(fit.xy - back, axis=1).mean() / max(fit.radius, 1e-6))
        measures = (likeness, best, apart, self.views.oddness(view, fit))
        logit = float(np.dot(self.extractor.preset.confidence, (*measures, 1.0)))
        return Look(
            crop.to_picture(share * fit.xy + (1 - share) * back),
            np.clip((weight + weight_back) / 2, 0, 1).astype(np.float32),
            measures,
            logit,
            agreement,
            self.views.hidden(view),
        )

    def _features(self, images: RGBArray, embed: np.ndarray | None = None) -> np.ndarray:
        import torch

        prompt = None if embed is None else torch.from_numpy(embed)
        return self.extractor.features(images, image_embeds=prompt).cpu().numpy()

    def _features_under(self, images: RGBArray, prompts: FloatArray) -> np.ndarray:
        """(P, B, C, h, w): the pictures under each of P image prompts."""
        import torch

        return self.extractor.features_under(images, torch.from_numpy(prompts)).cpu().numpy()

    def _swapped(self, rgb: RGBArray, gallery: Gallery, used: Sequence[int]) -> Gallery:
        """The gallery with the domains ``used`` seen under this picture's image prompt (FaceShot, Eq. 3)."""
        from faceshot.gallery import swapped

        whole = Crop.whole(Size(rgb.shape[1], rgb.shape[0]), self.extractor.image_size).apply(rgb)
        embed = self.extractor.embed(whole[None])[0].cpu().numpy()
        return swapped(gallery, used, embed, self.extractor, galleries=self._places, cache_dir=self._cache_dir)


def _with_mirror(image: RGBArray) -> RGBArray:
    return np.stack([image, image[:, ::-1]])  # (2, H, W, 3)
