"""Between ComfyUI's values and FaceShot's: IMAGE is (B, H, W, C) in 0..1, MASK (B, H, W), 1 where transparent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def frames(image: Any) -> list[np.ndarray]:
    """An IMAGE batch as uint8 (H, W, 3) or (H, W, 4)."""
    pixels = (image.detach().cpu().float().numpy().clip(0, 1) * 255).round().astype(np.uint8)
    return [np.ascontiguousarray(frame) for frame in pixels]


def picture(image: Any, mask: Any = None) -> Any:
    """The first of an IMAGE batch as a Picture; its matte is the MASK turned round, or its own fourth channel."""
    import faceshot

    whole = frames(image[:1])[0]
    alpha = whole[..., 3].copy() if whole.shape[2] == 4 else None
    # Load Image gives a small empty mask for pictures without transparency.
    if mask is not None and bool((mask > 0).any()):
        plane = 255 - frames(mask.reshape(-1, *mask.shape[-2:], 1)[:1])[0][..., 0]
        if plane.shape != whole.shape[:2]:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (plane.shape, whole.shape)]
            raise faceshot.InputError(f"the mask has {sizes[0]} pixels and the image {sizes[1]}; connect its own")
        alpha = plane
    return faceshot.Picture(np.ascontiguousarray(whole[..., :3]), alpha)


def image(pictures: list[np.ndarray]) -> Any:
    """uint8 (H, W, 3 or 4) as an IMAGE batch without transparency."""
    import torch

    return torch.from_numpy(np.stack([one[..., :3] for one in pictures])).float() / 255


def mask(pictures: list[np.ndarray]) -> Any:
    """What is transparent in uint8 (H, W, 3 or 4), as a MASK batch."""
    import torch

    planes = [255 - one[..., 3] if one.shape[2] == 4 else np.zeros(one.shape[:2], np.uint8) for one in pictures]
    return torch.from_numpy(np.stack(planes)).float() / 255


def with_masks(image: Any, masks: Any) -> list[np.ndarray]:
    """An IMAGE batch and its MASK batch (one for all, or one each) as uint8 (H, W, 4)."""
    import faceshot

    colours = [frame[..., :3] for frame in frames(image)]
    mattes = [255 - plane[..., 0] for plane in frames(masks.reshape(-1, *masks.shape[-2:], 1))]
    mattes = mattes * len(colours) if len(mattes) == 1 else mattes
    if len(mattes) != len(colours) or mattes[0].shape != colours[0].shape[:2]:
        raise faceshot.InputError(
            f"{len(mattes)} masks of {mattes[0].shape[1]}x{mattes[0].shape[0]} do not fit {len(colours)} images of "
            f"{colours[0].shape[1]}x{colours[0].shape[0]}"
        )
    return [np.dstack(pair) for pair in zip(colours, mattes, strict=True)]


def sound(audio: Any, path: Path) -> Path:
    """The first of an AUDIO batch (channels, samples in -1..1) as a WAV file."""
    import wave

    samples = audio["waveform"][0].detach().cpu().float().numpy().clip(-1, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(int(audio["sample_rate"]))
        file.writeframes((samples.T * 32767).round().astype("<i2").tobytes())
    return path


def boxes(faces: list[tuple[Any, float]]) -> list[dict[str, Any]]:
    """Heads around faces (68, 2) with their scores, as core's BOUNDING_BOX has those of a frame."""
    from faceshot.rendering import head_boxes

    out = []
    for xy, score in faces:
        left, top, right, bottom = map(float, head_boxes(xy))
        size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        out.append({**size, "label": "face", "score": float(score)})
    return out


def still(landmarks: Any) -> Any:
    """One face as a motion of one frame."""
    import faceshot

    return faceshot.LandmarkSequence(landmarks.xy[None], landmarks.size, 1)


def each(motion: Any) -> list[list[Any]]:
    """The faces of every frame of a motion: one, or none."""
    return [[motion[k]] if found else [] for k, found in enumerate(motion.found)]
