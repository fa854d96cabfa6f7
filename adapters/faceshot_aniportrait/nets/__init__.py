"""The networks of AniPortrait; import from the submodules, so that nothing heavy loads by itself.

``pose_guider`` turns pose pictures into feature maps, ``motion`` lets frames look at each other, ``unet`` is Stable
Diffusion's U-Net twice: once for the picture, once for the frames, with both of these in it.
"""
