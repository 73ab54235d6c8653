"""Patches of a fixed grid, and their cross-fade."""

from __future__ import annotations

import torch

from hifisr_cli.engines.tfnet.patches import cross_faded, patches_of

LENGTH = 32


def test_untouched_patches_add_up_to_the_wave() -> None:
    wave = torch.randn(2, 8 * LENGTH)
    again = cross_faded(patches_of(wave, LENGTH))
    assert torch.allclose(again, wave[:, LENGTH // 2 : -LENGTH // 2], atol=1e-6)


def test_a_constant_in_one_patch_fades_in_and_out() -> None:
    patches = torch.zeros(1, 3, LENGTH)
    patches[:, 1] = 1.0
    faded = cross_faded(patches)[0]
    assert faded.shape == (LENGTH,)
    assert torch.allclose(faded, faded.flip(0), atol=1e-6)
    assert bool((faded[: LENGTH // 2].diff() > 0).all())


def test_a_cut_on_the_grid_does_not_show() -> None:
    wave, hop = torch.randn(1, 8 * LENGTH), LENGTH // 2
    whole = cross_faded(patches_of(wave, LENGTH) ** 2)
    part = cross_faded(patches_of(wave[:, 4 * hop :], LENGTH) ** 2)
    assert torch.equal(part, whole[:, 4 * hop :])
