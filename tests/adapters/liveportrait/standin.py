"""A light stand-in for LivePortrait's networks: the same calls, and a flow of the same form instead of W and G."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch

from faceshot.landmarks import topology as topo


def layout_of(units: np.ndarray) -> np.ndarray:
    """(21, 3) keypoints where the published ones lie on a face with landmarks ``units`` (68, 2), roughly."""
    right, left = (units[list(eye)].mean(0) for eye in (topo.RIGHT_EYE, topo.LEFT_EYE))
    mouth = units[list(topo.OUTER_LIPS)].mean(0)
    across, down = left - right, mouth - (left + right) / 2
    middle = (left + right) / 2

    def at(x: float, y: float, z: float) -> tuple[float, float, float]:
        return (*(middle + x * across + y * down), z)

    def lid(eye: tuple[int, ...], upper: bool) -> tuple[float, float, float]:
        points = [eye[1], eye[2]] if upper else [eye[4], eye[5]]
        return (*units[points].mean(0), -0.1)

    top, low = (units[[pair[i] for pair in topo.INNER_LIP_PAIRS]].mean(0) for i in (0, 1))
    return np.array(
        [
            at(0, -0.6, -0.15), at(-0.5, -0.4, -0.12), at(0.5, -0.4, -0.12), at(-0.8, 0.7, 0.05), at(0, -0.3, -0.15),
            at(0, 1.6, 0.1), at(-0.4, 1.0, -0.1), at(0.8, 0.7, 0.05), at(-0.9, 0.2, 0.2), at(0.9, 0.2, 0.2),
            at(0, 0.5, -0.3), lid(topo.RIGHT_EYE, True), at(0.4, 1.0, -0.1), lid(topo.RIGHT_EYE, False),
            at(0.3, 1.0, -0.12), lid(topo.LEFT_EYE, True), lid(topo.LEFT_EYE, False), at(0, 0.95, -0.2),
            at(0.7, 0, 0), (*low, -0.18), (*top, -0.2),
        ],
        np.float32,
    )  # fmt: skip


class Standin:
    """Reads a face at ``layout`` (in a head of scale 1.25 without turn), moves it by what the picture shows.

    The ratio networks follow the slopes that the published templates show (keypoints over openings).
    """

    def __init__(self, layout: np.ndarray, *, depend: float = 0.1) -> None:
        self.layout = torch.as_tensor(layout).float().reshape(21, 3)
        noise = torch.Generator().manual_seed(5)
        self.weight = depend * torch.randn((3 * 64, 3 * 66 + 3 + 63 + 1), generator=noise)
        self.stitcher = 0.02 * torch.randn((126, 65), generator=noise)
        self.rendered = 0

    def read_motion(self, crops: torch.Tensor) -> dict[str, torch.Tensor]:
        small = torch.nn.functional.adaptive_avg_pool2d(crops, 8).flatten(1) - 0.5
        out = small @ self.weight
        bins = torch.zeros(len(crops), 3, 66) + 0.5 * out[:, :198].reshape(-1, 3, 66)
        bins[..., 32:34] += 8  # upright, nearly
        heads = dict(zip(("pitch", "yaw", "roll"), bins.unbind(1), strict=True))
        exp = 0.05 * out[:, 201:264].reshape(-1, 21, 3)
        kp = (self.layout / 1.25).expand(len(crops), -1, -1)
        return {**heads, "t": 0.05 * out[:, 198:201], "exp": exp, "scale": 1.25 + 0.02 * out[:, 264:], "kp": kp}

    def appearance(self, crop: torch.Tensor) -> torch.Tensor:
        return crop

    def stitch(self, x_s: torch.Tensor, x_d: torch.Tensor) -> torch.Tensor:
        return torch.cat([x_s.flatten(1), x_d.flatten(1)], 1) @ self.stitcher

    def retarget_eyes(self, x_s: torch.Tensor, ratios: torch.Tensor) -> torch.Tensor:
        more = ratios[:, 2:] - ratios[:, :2]
        out = torch.zeros(len(ratios), 21, 3)
        for eye, (upper, lower) in enumerate(((11, 13), (15, 16))):
            out[:, upper, 1] = -0.07 * more[:, eye]
            out[:, lower, 1] = 0.02 * more[:, eye]
        out[:, [1, 2], 1] = -0.01 * more.mean(1, keepdim=True)
        return out.flatten(1)

    def retarget_lips(self, x_s: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
        more = ratio[:, 1] - ratio[:, 0]
        out = torch.zeros(len(ratio), 21, 3)
        for point, slope in ((19, 0.2), (20, -0.07), (17, -0.02)):
            out[:, point, 1] = slope * more
        return out.flatten(1)

    def render(self, f_s, x_s, x_d, *, batch=None) -> Iterator[np.ndarray]:
        image = f_s[0].permute(1, 2, 0).numpy()
        image = cv2.resize(image, (512, 512), interpolation=cv2.INTER_LINEAR)
        for points in x_d:
            self.rendered += 1
            yield self._frame(image, x_s[0].numpy(), points.numpy())

    def recode(self, f_s, x_s) -> np.ndarray:
        return next(self.render(f_s, x_s, x_s))

    def estimate(self, frames: int) -> float:
        return 0.02 * frames

    @staticmethod
    def _frame(image: np.ndarray, x_s: np.ndarray, x_d: np.ndarray) -> np.ndarray:
        at = np.linspace(-1, 1, 64, dtype=np.float32)
        grid = np.stack(np.meshgrid(at, at), -1)
        far = ((grid[:, :, None] - x_d[:, :2]) ** 2).sum(-1)
        weight = np.exp(-far / (2 * 0.1**2))
        flow = (weight[..., None] * (x_s - x_d)[:, :2]).sum(2) / (weight.sum(2, keepdims=True) + 0.05)
        flow = cv2.resize(flow, (512, 512), interpolation=cv2.INTER_LINEAR) * 256
        x, y = np.meshgrid(np.arange(512, dtype=np.float32), np.arange(512, dtype=np.float32))
        done = cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return (done.clip(0, 1) * 255).astype(np.uint8)
