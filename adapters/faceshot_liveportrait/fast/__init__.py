"""LivePortrait's W and G rearranged to compute the same numbers with less work.

Batch norms are folded into convolutions; convolutions of repeated (nearest-upsampled) maps run on the small map;
what is linear is merged; shifts of a regular grid are sampled axis by axis; what only the source decides is kept.
Nothing here approximates: in float32 the results equal :mod:`faceshot_liveportrait.nets` up to rounding.
"""
