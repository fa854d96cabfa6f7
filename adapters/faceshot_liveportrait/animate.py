"""The whole way of one animation: crop, read, drive, render, paste back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from faceshot.landmarks import LandmarkSequence, Picture, RGBArray
from faceshot.pipeline import AnimationOptions
from faceshot_liveportrait.driving import landmarks as marks_driving
from faceshot_liveportrait.driving import motion as m
from faceshot_liveportrait.driving import video as classic
from faceshot_liveportrait.driving.deltas import Deltas, Keypoints
from faceshot_liveportrait.driving.landmarks import LandmarkWays, Marks, Way
from faceshot_liveportrait.driving.reading import Reading, assess, snapped
from faceshot_liveportrait.driving.template import Template, read_template, write_template
from faceshot_liveportrait.faces import Face
from faceshot_liveportrait.matte import Matte, behind
from faceshot_liveportrait.options import LivePortraitOptions
from faceshot_liveportrait.paste import Paster, divide
from faceshot_liveportrait.place import SIDE, CropFrame, face_crop, network_input, openness, warp

log = logging.getLogger("faceshot")

_PROXY_SMOOTHING = 3e-7
_ANIMAL_MULTIPLIER = 1.75
#: A run of fewer frames is over before it could be timed.
_WORTH_TIMING = 4


@dataclass(frozen=True, eq=False)
class Prepared:
    """One face, ready to be rendered.

    Attributes:
        crop: where it is; image: (512, 512, 3) its crop; volume: f_s, as the engine gives it.
        source: M's reading of it; x_d: (N, 21, 3) where its keypoints go.
        driver: what M read from the driver's frames, None where landmarks drive.
    """

    face: Face
    crop: CropFrame
    image: RGBArray
    volume: Any
    source: m.Source
    x_d: Keypoints
    driver: Template | None = None


def animate(
    engine: Any,
    picture: Picture,
    faces: tuple[Face, ...],
    options: LivePortraitOptions,
    settings: AnimationOptions,
) -> Iterator[RGBArray]:
    """Yield the frames: uint8 (H, W, 3), or (H, W, 4) when the picture has a matte.

    Args:
        engine: ``faceshot_liveportrait.engine.LivePortrait`` or another with its calls.
        faces: of the picture, at least one; all sequences of one length.
    """
    start = time.perf_counter()
    crops = [face_crop(face.landmarks.xy) for face in faces]
    driver = _given_driver(engine, faces[0].sequence, options, settings)
    ready = [_prepare(engine, picture, face, crop, driver, options) for face, crop in zip(faces, crops, strict=True)]
    if options.save_template is not None:
        made = ready[0].driver
        assert made is not None  # only modes that have one know the option
        write_template(options.save_template, made, overwrite=settings.overwrite)
    log.debug("liveportrait: prepared in %.1f s", time.perf_counter() - start)
    _estimate(engine, settings.device, ready)
    yield from _render(engine, picture, ready, options.batch)


def features(
    engine: Any, picture: Picture, face: Face, options: LivePortraitOptions, settings: AnimationOptions
) -> tuple[CropFrame, Iterator[np.ndarray]]:
    """Where the face is, and for every frame the warped volume (256, 64, 64) that it would be drawn from."""
    import torch

    crop = face_crop(face.landmarks.xy)
    driver = _given_driver(engine, face.sequence, options, settings)
    ready = _prepare(engine, picture, face, crop, driver, options)
    return crop, engine.features(ready.volume, torch.from_numpy(ready.source.x[None]), torch.from_numpy(ready.x_d))


# --- once per picture ----------------------------------------------------------------------------------------------


def _prepare(
    engine: Any,
    picture: Picture,
    face: Face,
    crop: CropFrame,
    driver: Template | None,
    options: LivePortraitOptions,
) -> Prepared:
    import torch

    image = warp(behind(picture, crop), crop.matrix, (SIDE, SIDE), options.border)
    given = torch.from_numpy(network_input(image))
    volume = engine.appearance(given)
    heads = {name: value.detach().float().cpu().numpy() for name, value in engine.read_motion(given).items()}
    own, kp = m.read(heads)
    source = m.Source.of(kp[0], own)
    reading = assess(source.x, crop.to_units(face.landmarks.xy), face.landmarks.absent)
    log.info("liveportrait: %s", reading.text())
    if options.mode == "landmarks":
        source, x_d = _by_landmarks(engine, face, crop, source, reading, options)
    else:
        eyes, lips = openness(face.landmarks.xy)
        deltas = Deltas(engine, source.x, eyes, float(lips[0]))
        if driver is not None:
            x_d = _by_driver(source, driver, deltas, reading, face.sequence, options)
        else:
            x_d, driver = _by_proxy(engine, face, crop, image, source, deltas, reading, options)
    return Prepared(face, crop, image, volume, source, x_d, driver)


def _by_landmarks(
    engine: Any, face: Face, crop: CropFrame, source: m.Source, reading: Reading, options: LivePortraitOptions
) -> tuple[m.Source, Keypoints]:
    marks = Marks(crop.to_units(face.landmarks.xy), crop.to_units(face.sequence.xy), face.landmarks.visible)
    eyes, lips = openness(face.landmarks.xy)
    if options.snap == "auto" and not reading.whole:
        source = snapped(source, marks.rest, reading)
    ways = LandmarkWays(
        region=options.region,
        turn=options.turn,
        eyes=_way(options.eyes, "eyes", reading, options),
        mouth=_way(options.mouth, "mouth", reading, options),
        field=reading.whole,
        stitching=_stitches(options, reading) and (options.stitching == "on" or marks_driving.stitching_fits(marks)),
        multiplier=1.0 if options.multiplier is None else options.multiplier,
    )
    log.info(
        "liveportrait: driven by landmarks, eyes by %s, mouth by %s, stitching %s",
        *(ways.eyes, ways.mouth, "on" if ways.stitching else "off"),
    )
    deltas = Deltas(engine, source.x, eyes, float(lips[0]))
    return source, marks_driving.keypoints(source, marks, reading, deltas, ways)


def _way(chosen: str, part: str, reading: Reading, options: LivePortraitOptions) -> Way:
    """How a part is opened and shut: not at all where the character does not have it."""
    if (reading.eyes if part == "eyes" else reading.mouth) is None:
        return "off"
    if chosen != "auto":
        return chosen  # type: ignore[return-value]
    return "ratio" if reading.read(part) and options.variant == "human" else "points"


def _stitches(options: LivePortraitOptions, reading: Reading) -> bool:
    if options.stitching != "auto":
        return options.stitching == "on"
    return options.variant == "human" and reading.whole


def _by_proxy(
    engine: Any,
    face: Face,
    crop: CropFrame,
    image: RGBArray,
    source: m.Source,
    deltas: Deltas,
    reading: Reading,
    options: LivePortraitOptions,
) -> tuple[Keypoints, Template]:
    from faceshot_liveportrait.driving.proxy import read_proxy

    smoothing = _PROXY_SMOOTHING if options.smoothing is None else options.smoothing
    driver, still = read_proxy(engine, image, crop, face.landmarks, face.sequence, source.motion, smoothing=smoothing)
    how = classic.Classic(
        region=options.region,
        multiplier=1.0 if options.multiplier is None else options.multiplier,
        stitching=_stitches(options, reading),
    )
    log.info("liveportrait: driven by proxy (warp), stitching %s", "on" if how.stitching else "off")
    x_d = classic.keypoints(source, driver, deltas, how)[1:]
    x_d[still] = source.x
    return x_d, Template(driver, face.sequence.fps)


def _given_driver(
    engine: Any, sequence: LandmarkSequence, options: LivePortraitOptions, settings: AnimationOptions
) -> Template | None:
    """What M reads from the driving clip, or the template; None in the other modes."""
    if options.mode != "video":
        return None
    if options.template is not None:
        made = read_template(options.template)
        log.info("motion template %s: %d frames at %s per second", options.template.name, len(made.driver), made.fps)
    else:
        assert options.driving is not None
        made = _read_clip(engine, sequence, options, settings)
    if options.smoothing:
        calm = m.smoothed(made.driver.motion, options.smoothing)
        made = Template(classic.Driver(calm, made.driver.eyes, made.driver.lips, made.driver.rest), made.fps)
    return made


def _read_clip(
    engine: Any, sequence: LandmarkSequence, options: LivePortraitOptions, settings: AnimationOptions
) -> Template:
    from faceshot.media import probe

    clip = options.driving
    assert clip is not None
    info = probe(clip)
    if options.driving_landmarks is None and settings.driving_landmarks is not None and clip == settings.driving:
        marks = settings.driving_landmarks
    elif options.driving_landmarks is not None:
        from faceshot.formats import read_sequence

        marks = read_sequence(options.driving_landmarks, size=info.size, fps=info.fps)
    else:
        from faceshot.driving import drive

        log.info("liveportrait: finding the landmarks of %s (or give driving_landmarks=FILE)", clip.name)
        marks = drive(clip, device=settings.device, offline=True)
    count = math.ceil((len(sequence) - 1) * info.fps / sequence.fps) + 1
    # The rest frame has to be read too, wherever it is.
    driver = classic.read_driver(engine, clip, marks, count=max(count, marks.rest + 1))
    return Template(driver, info.fps)


def _by_driver(
    source: m.Source,
    template: Template,
    deltas: Deltas,
    reading: Reading,
    sequence: LandmarkSequence,
    options: LivePortraitOptions,
) -> Keypoints:
    driver = template.driver
    animal = options.variant == "animal"
    rule: classic.Rule = "animal" if animal else options.motion
    if rule == "relative" and len(driver) == 1:
        rule = "single"
    multiplier = options.multiplier
    if multiplier is None:
        multiplier = _ANIMAL_MULTIPLIER if animal else 1.0
    how = classic.Classic(
        rule=rule,
        region=options.region,
        multiplier=multiplier,
        stitching=_stitches(options, reading),
        eyes=options.retarget in ("eyes", "both"),
        lips=options.retarget in ("lips", "both"),
        close_lips=options.close_lips == "on",
    )
    log.info("liveportrait: driven by video (%s), stitching %s", how.rule, "on" if how.stitching else "off")
    x_d = classic.keypoints(source, driver, deltas, how)
    rate = Fraction(template.fps) / sequence.fps
    return x_d[classic.frame_index(len(driver), len(sequence), float(rate))]


# --- every frame ---------------------------------------------------------------------------------------------------


def _estimate(engine: Any, device: str, ready: list[Prepared]) -> None:
    """Say before the start how long it will take, as the engine reckons; frames that repeat cost nothing."""
    n = sum(1 + int((face.x_d[1:] != face.x_d[:-1]).any((1, 2)).sum()) for face in ready)
    if n < _WORTH_TIMING or not hasattr(engine, "estimate"):
        return
    seconds = engine.estimate(n)
    text = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.3g} seconds"
    log.info("liveportrait: %d frames to render on %s, about %.2g s each, %s", n, device, seconds / n, text)


def _render(engine: Any, picture: Picture, ready: list[Prepared], batch: int | None) -> Iterator[RGBArray]:
    import torch

    streams = [
        engine.render(face.volume, torch.from_numpy(face.source.x[None]), torch.from_numpy(face.x_d), batch=batch)
        for face in ready
    ]
    pasters = [Paster.of(face.crop, picture.size) for face in ready]
    boxes = np.array([face.face.landmarks.box() for face in ready])
    divide(pasters, (boxes[:, :2] + boxes[:, 2:]) / 2, [face.crop.side for face in ready])
    mattes = [
        Matte(face.crop, paster, face.face.landmarks.xy, face.source.x)
        for face, paster in zip(ready, pasters, strict=True)
    ]
    for i in range(len(ready[0].x_d)):
        canvas = picture.rgb.copy()
        alpha = None if picture.alpha is None else picture.alpha.copy()
        for face, stream, paster, matte in zip(ready, streams, pasters, mattes, strict=True):
            paster.paste(canvas, next(stream))
            if alpha is not None:
                matte.follow(alpha, face.x_d[i])
        yield canvas if alpha is None else _joined(canvas, alpha)


def _joined(rgb: RGBArray, alpha: npt.NDArray[np.uint8]) -> RGBArray:
    return np.concatenate([rgb, alpha[..., None]], axis=2)
