"""What the ControlNet is told about each frame, computed once and kept as long as a window needs it.

Frames are computed one at a time, so that the numbers do not depend on which frames were asked for together: a resumed
run gives the same bits as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from faceshot.landmarks import RGBArray, Size
from faceshot_mofa.conditioning import cmp_hints, pose_pictures, unit_picture
from faceshot_mofa.nets.cmp import CMPImage, resize_flow, resize_image
from faceshot_mofa.nets.controlnet import Appearance, Conditioning
from faceshot_mofa.networks import Networks


@dataclass(frozen=True)
class Raw:
    """What :meth:`Features.raw` gives: the ControlNet's own inputs for a window (for comparison runs)."""

    picture: Tensor
    flow: Tensor
    pose: Tensor


class Features:
    """Conditioning of the frames of one video.

    Args:
        networks: with CMP and ControlNet.
        rgb: (H, W, 3) uint8 working picture.
        xy: (N, 68, 2) float32 landmarks in its pixels; frame 0 is the anchor, where the picture's face is.
        parts: whose landmarks drive.
        keep: how many frames are remembered at least.
    """

    def __init__(
        self, networks: Networks, rgb: RGBArray, xy: npt.NDArray[np.float32], parts: Sequence[str], keep: int
    ) -> None:
        self.networks, self.xy, self.parts, self.keep = networks, xy, tuple(parts), keep
        self.size = Size(rgb.shape[1], rgb.shape[0])
        self.picture = unit_picture(rgb).to(networks.device)
        self._image: CMPImage | None = None
        self._appearance: Appearance | None = None
        self._flows: dict[int, Tensor] = {}
        self._frames: dict[int, Conditioning] = {}
        #: Where remembered frames lie; there is room for a window on the device, not for all of a joint run.
        self.home = torch.device("cpu") if networks.low_vram != "off" else networks.device

    @torch.no_grad()
    def flow(self, frame: int) -> Tensor:
        """(1, 2, H, W) float32 dense motion from the anchor to ``frame``, pixels of the working picture."""
        if frame not in self._flows:
            _trim(self._flows, self.keep, ())
            if self._image is None:
                self._image = self.networks.cmp.encode_image(resize_image(self.picture))
            sparse, mask = cmp_hints(self.xy[0], self.xy[frame : frame + 1], self.size, self.parts)
            hint, where = (torch.from_numpy(array).to(self.networks.device) for array in (sparse, mask[None]))
            self._flows[frame] = self.networks.cmp.decode(self._image, hint, where).to(self.home)
        flow = self._flows[frame].to(self.networks.device)
        return resize_flow(flow, self.size.height, self.size.width)

    def pose(self, frames: Sequence[int]) -> Tensor:
        """(n, 3, H, W) pose pictures in 0..1, on the device."""
        return pose_pictures(self.xy[list(frames)], self.size, self.parts).to(self.networks.device)

    @torch.no_grad()
    def window(self, frames: Sequence[int]) -> Conditioning:
        """The conditioning of these frames, on the device; needs the ControlNet there (:meth:`Networks.using`)."""
        net = self.networks.controlnet
        if self._appearance is None:
            self._appearance = net.encode_appearance(self.picture * 2 - 1)
        for frame in frames:
            if frame not in self._frames:
                _trim(self._frames, self.keep, frames)
                pose = self.pose([frame])
                found = (
                    net.encode_first(self._appearance, pose)
                    if frame == 0
                    else net.encode_frames(self._appearance, self.flow(frame), pose, chunk=1)
                )
                self._frames[frame] = found.to(self.home)
        return Conditioning.cat([self._frames[frame] for frame in frames]).to(self.networks.device)

    @torch.no_grad()
    def raw(self, frames: Sequence[int]) -> Raw:
        """The same as inputs, with nothing computed ahead but the flow."""
        flows = [self.flow(frame) for frame in frames[1:]]
        none = torch.zeros(0, 2, self.size.height, self.size.width, device=self.networks.device)
        return Raw(self.picture * 2 - 1, torch.cat(flows) if flows else none, self.pose(frames))


def _trim(kept: dict, room: int, wanted: Sequence[int]) -> None:
    """Forget the oldest entries that are not wanted (never the anchor) until one more fits."""
    for frame in [frame for frame in kept if frame != 0 and frame not in wanted][: max(len(kept) + 1 - room, 0)]:
        del kept[frame]
