"""F: a 256x256 picture to a feature volume of 32 channels, 16 depths, 64x64."""

from __future__ import annotations

from torch import Tensor, nn

from faceshot_liveportrait.nets.blocks import ConvNorm2d, ResBlock3d

CHANNELS, DEPTH = 32, 16  # of the feature volume


class AppearanceExtractor(nn.Module):
    """Appearance feature extractor F.

    Args:
        width: channels after the first convolution (published: 64).
        blocks: residual blocks on the volume (published: 6).
    """

    def __init__(self, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.first = ConvNorm2d(3, width)
        self.down_blocks = nn.ModuleList(
            [ConvNorm2d(width, 2 * width, pool=2), ConvNorm2d(2 * width, 4 * width, pool=2)]
        )
        self.second = nn.Conv2d(4 * width, CHANNELS * DEPTH, 1)
        self.resblocks_3d = nn.Sequential()
        for index in range(blocks):
            self.resblocks_3d.add_module(f"3dr{index}", ResBlock3d(CHANNELS))

    def forward(self, image: Tensor) -> Tensor:
        """RGB (B, 3, 256, 256) in 0..1 -> f_s (B, 32, 16, 64, 64); the flat channel is channel * 16 + depth."""
        x = self.first(image)
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x).unflatten(1, (CHANNELS, DEPTH))
        return self.resblocks_3d(x)
