"""Networks and presets: checkpoints, the plain U-Net, CLIP vision, image prompts, DDIM inversion."""
