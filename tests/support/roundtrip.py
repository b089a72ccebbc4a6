"""What a model's VAE makes of a picture: as near as a clip can come to one that it begins with.

Run by Triton's Python, which has torch: `roundtrip.py MODEL PICTURE.npy RESULT.npy`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]


def through_vae(model: Path, picture: NDArray[np.uint8], scratch: Path) -> NDArray[np.uint8]:
    """The picture (height, width, 3), encoded and decoded by the VAE in a model's folder."""
    given, result = scratch / "given.npy", scratch / "through.npy"
    np.save(given, picture)
    command = [ROOT / ".venv-triton" / "bin" / "python", Path(__file__), model, given, result]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, env=env)
    found: NDArray[np.uint8] = np.load(result)
    return found


def _main(model: str, given: str, result: str) -> None:
    import torch
    from diffusers import AutoencoderKLWan

    vae = AutoencoderKLWan.from_pretrained(model, subfolder="vae", torch_dtype=torch.float32)
    pixels = torch.from_numpy(np.load(given)).float() / 127.5 - 1
    with torch.no_grad():
        latents = vae.encode(pixels.permute(2, 0, 1)[None, :, None]).latent_dist.mode()
        decoded = vae.decode(latents).sample[0, :, 0].permute(1, 2, 0).clamp(-1, 1)
    np.save(result, ((decoded / 2 + 0.5) * 255).round().to(torch.uint8).numpy())


if __name__ == "__main__":
    _main(*sys.argv[1:])
