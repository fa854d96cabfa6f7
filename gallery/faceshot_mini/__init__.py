"""The mini diffusion model: weights, presets, training."""
