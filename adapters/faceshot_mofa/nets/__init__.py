"""The networks of MOFA-Video's landmark branch; import from the submodules, so that nothing heavy loads by itself.

``cmp`` turns sparse landmark motion into dense flow, ``splat`` moves features along it, ``controlnet`` turns both and
the pose pictures into residuals, ``unet`` is the video U-Net that takes them, ``loading`` reads the published files.
"""
