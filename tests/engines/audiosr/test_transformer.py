"""Attention over the positions of an image."""

from __future__ import annotations

import torch

from hifisr_cli.engines.audiosr.transformer import FeedForward, ImageTransformer, SelfAttention


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_attention_is_what_it_is_called() -> None:
    """Softmax of the products of queries and keys, head by head, over the root of the head's width."""
    attention = SelfAttention(64, 32)
    tokens = draw(2, 7, 64)
    normed = attention.norm(tokens)
    heads = []
    for part in (slice(0, 32), slice(32, 64)):
        query, key, value = (layer(normed)[..., part] for layer in (attention.to_q, attention.to_k, attention.to_v))
        heads.append(torch.softmax(query @ key.transpose(1, 2) / 32**0.5, dim=2) @ value)
    expected = tokens + attention.to_out(torch.cat(heads, dim=2))
    assert torch.allclose(attention(tokens), expected, atol=1e-5)


@torch.no_grad()
def test_no_position_is_told_from_another() -> None:
    transformer = ImageTransformer(64, 32)
    image = draw(1, 64, 4, 6)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = image.flatten(2)[..., order].view(image.shape)
    expected = transformer(image).flatten(2)[..., order].view(image.shape)
    assert torch.allclose(transformer(shuffled), expected, atol=1e-5)


@torch.no_grad()
def test_the_feed_forward_layer_sees_each_token_alone() -> None:
    layer = FeedForward(32)
    tokens = draw(1, 5, 32)
    changed = tokens.clone()
    changed[:, 3] += 1.0
    moved = (layer(changed) - layer(tokens)).abs().amax(dim=2)[0]
    assert moved[3] > 0.1
    assert float(moved[[0, 1, 2, 4]].max()) < 1e-6


@torch.no_grad()
def test_the_gate_opens_with_gelu() -> None:
    layer = FeedForward(32)
    layer.enter.bias[:128], layer.enter.bias[128:] = 1.0, -50.0  # shut
    tokens = draw(1, 5, 32)
    assert torch.allclose(layer(tokens), tokens + layer.leave.bias, atol=1e-6)
