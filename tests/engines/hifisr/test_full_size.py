"""The published network at its full size, with random weights: 110 million parameters through the importer."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

import torch

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.engines.hifisr.config import PUBLISHED, parse_config
from hifisr_cli.engines.hifisr.generator import load_generator
from hifisr_cli.engines.hifisr.importing import import_published
from tests.engines.hifisr.published_form import FULL, random_states, save

PUBLISHED_BYTES = (218_471_889, 220_712_702)
"""Of the two files as they were published."""


def test_a_full_size_checkpoint_is_imported_and_runs() -> None:
    """Not in tmp_path, of which pytest would keep nearly a gigabyte for three runs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        latent, head = random_states(FULL)
        save(folder / "published", latent, head)
        sizes = [path.stat().st_size for path in sorted((folder / "published").glob("*.pt"), reverse=True)]
        for size, expected in zip(sizes, PUBLISHED_BYTES, strict=True):
            assert abs(size / expected - 1.0) < 0.01
        kept = {key: head[key].clone() for key in ("ups.0.weight_g", "ups.0.weight_v", "conv_post.bias")}
        enter = latent["mossformer.conv1d_encoder.weight"].clone()
        del latent, head
        gc.collect()
        import_published([folder / "published"], folder / "net.safetensors")
        assert parse_config(read_info(folder / "net.safetensors").config) == (PUBLISHED, None)
        generator = load_generator(folder / "net.safetensors")
        v, g = kept["ups.0.weight_v"], kept["ups.0.weight_g"]
        folded = g * v / v.flatten(1).norm(dim=1)[:, None, None]
        assert torch.allclose(generator.head.ups[0].weight, folded, rtol=1e-5, atol=1e-8)
        assert torch.equal(generator.head.leave.bias, kept["conv_post.bias"])
        assert torch.equal(generator.latent.enter.weight, enter[:, :, 0])
        wave = 0.05 * torch.randn(1, 4 * generator.hop, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            made = generator(wave, torch.tensor([8000.0]))
        assert made.shape == wave.shape
        assert bool(torch.isfinite(made).all())
        assert float(made.std()) > 0
