"""Lids: how far a driver's eye is open, and what that means for an eye of any size and shape.

An eye is described in its own frame: origin between the corners, x along the corner line, y down. Its *aperture* is
the mean distance between the upper and the lower lid. A tracker never reports an aperture of 0, so the driver's own
closed level is read from its blinks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceshot.retargeting.smoothing import without_ripple

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

#: Places within one eye's six points: corners, then (upper, lower) pairs.
_CORNERS = (0, 3)
_UPPER, _LOWER = [1, 2], [5, 4]
#: Where a closing eye's lids meet, as a share of the way from the lower to the upper lid.
_MEETING = 0.2
#: A closed eye's line is an arc of at most this share of the eye's width.
_DEEPEST = 0.3
#: Closed level (relative to the rest aperture) of a driver that never blinks, and the highest believed.
_CLOSED_DEFAULT, _CLOSED_MOST = 0.12, 0.5
#: Lids are shut from a little above the level of the driver's typical blink.
_CLOSED_MARGIN = 1.15
#: An eye opens at most this much further than at rest (softly); less where it is already this many times as tall as
#: the driver's would be on the same face.
_WIDE_MOST = 0.25
_TALL = 2.5
#: Changes of the opening below this are noise (share of the rest opening).
_NOISE = 0.08


def aperture(eye: Complex) -> Array:
    """Mean vertical distance (...,) of the two lid pairs of eyes (..., 6) in their own frame, at least 0."""
    return np.maximum((eye[..., _LOWER].imag - eye[..., _UPPER].imag).mean(-1), 0.0)


def closed_level(opening: Array, fps: float) -> float:
    """The opening (relative to rest) at which this driver's eye is shut.

    A blink is a local minimum below 40 % of the usual opening, or below 60 % if the eye is open again within a
    quarter of a second on both sides. The level is the 80 % quantile of all blinks' minima.

    Args:
        opening: (T,) aperture over rest aperture.
        fps: frames per second.
    """
    usual = float(np.percentile(opening, 80))
    if usual <= 1e-6 or len(opening) < 3:
        return _CLOSED_DEFAULT
    padded = np.concatenate([opening[:1], opening, opening[-1:]])
    lowest = (opening <= padded[:-2]) & (opening <= padded[2:])
    reach = max(1, round(0.25 * fps))
    near = np.pad(opening, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(near, reach)
    before, after = windows[: len(opening)].max(1), windows[reach + 1 :].max(1)
    brief = (np.minimum(before, after) > 0.8 * usual) & (opening < 0.6 * usual)
    minima = opening[lowest & (brief | (opening < 0.4 * usual))]
    if len(minima) == 0:
        return _CLOSED_DEFAULT
    return float(np.clip(np.quantile(minima, 0.8) * _CLOSED_MARGIN, 0.1, _CLOSED_MOST))


def move_lids(
    ref: Complex,
    rest: Complex,
    now: Complex,
    *,
    width_ratio: float,
    face_ratio: float,
    strangeness: float,
    fps: float,
    gain: float,
    closure: bool,
) -> Complex:
    """The character's eye (T, 6) in its own frame.

    Args:
        ref: (6,) the character's eye at rest; rest: (6,) the driver's; now: (T, 6) the driver's in every frame.
        width_ratio: character's eye width over the driver's, within limits.
        face_ratio: character's face size over the driver's.
        strangeness: 0 when the character is the driver (then the driver is given back), 1 for any other face.
        fps: frames per second.
        gain: of the motion, 0 or more.
        closure: map the driver's closed level to a shut eye.
    """
    out = _additive(ref, rest, now, width_ratio, gain)
    width = max(float(abs(rest[_CORNERS[1]] - rest[_CORNERS[0]])), 1e-9)
    rest_aperture = float(aperture(rest))
    # A driver that rests with its eye shut says nothing about fractions of an opening.
    known = float(np.clip((rest_aperture / width - 0.04) / 0.06, 0.0, 1.0))
    weight = strangeness * known
    if not closure or weight == 0:
        return out
    opening = aperture(now) / rest_aperture
    shut = closed_level(opening, fps)
    opening = without_ripple(opening, fps, _NOISE)
    most = _WIDE_MOST * min(1.0, _TALL * face_ratio * rest_aperture / max(float(aperture(ref)), 1e-9))
    share = np.where(
        opening < 1,
        1 - gain * np.minimum((1 - opening) / (1 - shut), 1.0),
        1 + most * np.tanh(gain * (opening - 1) / most),
    )
    share = np.maximum(share, 0.0)[:, None]
    sideways = gain * width_ratio * (now.real - rest.real)
    shift = (sideways[:, _UPPER] + sideways[:, _LOWER]) / 2
    meet = ref[_LOWER] + _MEETING * (ref[_UPPER] - ref[_LOWER])
    span = max(float(abs(ref[_CORNERS[1]] - ref[_CORNERS[0]])), 1e-9)
    along = np.clip(meet.real / span, -0.4, 0.4)
    deepest = _DEEPEST * span * (1 - 4 * along**2)
    meet = along * span + 1j * np.clip(meet.imag, -deepest, deepest)
    for lid in (_UPPER, _LOWER):
        by_share = meet + share * (ref[lid] - meet) + shift
        out[:, lid] = (1 - weight) * out[:, lid] + weight * by_share
    return out


def _additive(ref: Complex, rest: Complex, now: Complex, width_ratio: float, gain: float) -> Complex:
    """Differences from rest, the pairs' distance scaled by the ratio of apertures; lids never cross."""
    out = ref + gain * width_ratio * (now - rest)
    width = max(float(abs(rest[_CORNERS[1]] - rest[_CORNERS[0]])), 1e-9)
    a_ref, a_rest, a_now = (e[..., _LOWER].imag - e[..., _UPPER].imag for e in (ref, rest, now))
    m_ref, m_rest, m_now = ((e[..., _LOWER].imag + e[..., _UPPER].imag) / 2 for e in (ref, rest, now))
    soft = (0.06 * width) ** 2
    k = (np.maximum(a_ref * a_rest, 0.0) + width_ratio * soft) / (a_rest**2 + soft)
    distance = a_ref + gain * k * (a_now - a_rest)
    distance = np.maximum(distance, np.minimum(0.0, np.minimum(a_ref, k * a_now)))
    middle = m_ref + gain * k * (m_now - m_rest)
    out[:, _UPPER] = out[:, _UPPER].real + 1j * (middle - distance / 2)
    out[:, _LOWER] = out[:, _LOWER].real + 1j * (middle + distance / 2)
    return out
