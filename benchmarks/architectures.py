"""The search for the best small network: variants of the default at about its cost, each trained equally short.

    python benchmarks/architectures.py --data DIR [--data DIR] --validation DIR --output DIR
        [--steps N] [--batch-size B] [--only NAME ...] [--cost-only]

Every variant sees the same batches in the same order. Printed as Markdown, best first: parameters, CPU seconds per
second of audio (plain PyTorch, one thread, folded weights, the cheapest of three runs), the training loss over the last
quarter of the steps, and the validation LSD. Finished variants are kept in the output folder and not trained again;
the cost is measured every time.
Such short runs rank how fast a network learns as much as how good it becomes: read them as what they are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from short_runs import COLUMNS, HEADINGS, Material, figures, parser_of, to_markdown
from torch import Tensor, nn

from hifisr_cli.engines.hifigan.config import HifiGanConfig
from hifisr_cli.engines.hifigan.head import HifiGan, IstftOutput, fold_weight_norm
from hifisr_cli.engines.hifisr.config import COMPACT, MossFormerConfig, NetworkConfig
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.config import TrainConfig

SECONDS = 6


class ConvNextHead(HifiGan):
    """A head at the frame rate, without upsampling, as in Vocos (Siuzdak 2023): [B, C, F] -> [B, F hop]."""

    def __init__(self, channels_in: int, width: int, blocks: int, n_fft: int, hop: int) -> None:
        config = replace(COMPACT.head, rates=(), kernels=(), istft_n_fft=n_fft, voicing=0)  # pulses need other frames
        super().__init__(channels_in, config, hop)
        bins = n_fft // 2 + 1
        self.enter = nn.Conv1d(channels_in, width, 7, padding=3)
        self.trunk = nn.Sequential(*(ConvNextBlock(width) for _ in range(blocks)))
        self.istft = IstftOutput(config, hop)
        self.leave = nn.Conv1d(width, sum(self.istft.sizes), 1)
        nn.init.constant_(self.leave.bias[2 * bins :], -4.0)  # type: ignore[index]  # it has a bias

    def draw(self, latent: Tensor, *, spare: int = 0) -> Tensor:
        drawn = torch.as_tensor(self.leave(self.trunk(self.enter(latent))))
        return drawn[:, :, spare : drawn.shape[2] - spare]


class ConvNextBlock(nn.Module):
    """Depthwise convolution and a bottleneck turned inside out (Liu et al. 2022): [B, C, F] -> same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.grow, self.shrink = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.shrink(nn.functional.gelu(self.grow(y)))
        return torch.as_tensor(x + (self.scale * y).transpose(1, 2))


@dataclass(frozen=True)
class Variant:
    """One network of the search; `change` may put other parts into it."""

    name: str
    network: NetworkConfig
    change: Callable[[Generator], None] = lambda _generator: None

    def build(self) -> Generator:
        torch.manual_seed(1)
        generator = Generator(self.network)
        self.change(generator)
        return generator


def with_head(**values: object) -> NetworkConfig:
    return replace(COMPACT, head=HifiGanConfig(**(asdict(COMPACT.head) | values)))


def with_latent(**values: object) -> NetworkConfig:
    return replace(COMPACT, latent=MossFormerConfig(**(asdict(COMPACT.latent) | values)))


def with_hop(hop: int, channels: int, width: int) -> NetworkConfig:
    head = replace(COMPACT.head, channels=channels, istft_n_fft=2 * hop)
    latent = replace(COMPACT.latent, width=width)
    return replace(COMPACT, mel=replace(COMPACT.mel, hop=hop), head=head, latent=latent)


def linear_bands(generator: Generator) -> None:
    """Bands of equal width instead of mel bands, as many."""
    edges = torch.linspace(0, SAMPLE_RATE / 2, generator.config.mel.bands + 2)
    bins = torch.linspace(0, SAMPLE_RATE / 2, generator.config.mel.n_fft // 2 + 1)[None]
    low, middle, high = (edges[i : len(edges) - 2 + i, None] for i in range(3))
    bank = torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp(min=0)
    generator.mel.filterbank.copy_(bank * 2 / (high - low))
    if generator.features is not None:
        generator.features.edges.copy_(edges)


def convnext(width: int, blocks: int) -> Callable[[Generator], None]:
    def change(generator: Generator) -> None:
        config = generator.config
        generator.head = ConvNextHead(config.latent.latent, width, blocks, 4 * config.mel.hop, config.mel.hop)
        generator.pulses = None

    return change


TIME_DOMAIN = {
    "rates": (8, 5, 4, 3),
    "kernels": (16, 11, 8, 7),
    "keep_channels": False,
    "istft_n_fft": 0,
    "noise": False,
    "flat_noise": False,
    "voicing": 0,
}
UP_4X = {"rates": (4,), "kernels": (8,), "channels": 176, "istft_n_fft": 480}
UP_8X = {"rates": (4, 2), "kernels": (8, 4), "channels": 104, "istft_n_fft": 240}
VARIANTS = (
    Variant("default", COMPACT),
    Variant("256 linear bands instead of 128 mel", replace(COMPACT, mel=replace(COMPACT.mel, bands=256)), linear_bands),
    Variant("HiFi-GAN in the time domain", with_head(**TIME_DOMAIN, channels=64)),
    Variant("upsampling 4x, inverse STFT of 480", with_head(**UP_4X)),
    Variant("upsampling 8x, inverse STFT of 240", with_head(**UP_8X)),
    Variant("ConvNeXt head 384 x 8 at the frame rate", COMPACT, convnext(384, 8)),
    Variant("MossFormer 2 blocks, 384 wide", with_latent(blocks=2, width=384)),
    Variant("MossFormer 8 blocks, 176 wide", with_latent(blocks=8, width=176)),
    Variant("context of 8 frames a layer", with_latent(span=8)),
    Variant("context of 32 frames a layer", with_latent(span=32)),
    Variant("hop 256", with_hop(256, 176, 192)),
    Variant("hop 384", with_hop(384, 224, 232)),
)


@torch.inference_mode()
def cost(variant: Variant) -> tuple[int, float]:
    """Parameters, and CPU seconds per second of audio."""
    generator = variant.build().eval()
    parameters = sum(p.numel() for p in generator.parameters())
    fold_weight_norm(generator)
    samples = SECONDS * SAMPLE_RATE // generator.hop * generator.hop
    wave, noise = torch.randn(1, samples), torch.randn(1, samples)
    threads, spent = torch.get_num_threads(), []
    torch.set_num_threads(1)
    for _ in range(3):
        started = time.process_time()
        generator(wave, torch.tensor([4000.0]), noise)
        spent.append(time.process_time() - started)
    torch.set_num_threads(threads)
    return parameters, min(spent) / (samples / SAMPLE_RATE)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cost-only", action="store_true")
    args = parser.parse_args()
    material = None if args.cost_only else Material.read(args.data, args.validation)
    rows = []
    for variant in VARIANTS:
        if args.only and variant.name not in args.only:
            continue
        config = TrainConfig(
            network=variant.network,
            steps=args.steps,
            batch_size=args.batch_size,
            crop_seconds=0.8,
            warmup_steps=args.steps // 8,
            ema_decay=0.98,
            repulsion=0.7,
            sources={"vctk": 0.45, "sdap": 0.12},
            validate_every=args.steps + 1,
            save_every=args.steps + 1,
        )
        found = {} if material is None else figures(variant.name, config, material, args.output, variant.build())
        parameters, spent = cost(variant)
        rows.append({"name": variant.name, "parameters": f"{parameters / 1e6:.1f} M", "cost": spent} | found)
        print(json.dumps(rows[-1]), flush=True)
    print(f"{args.steps} steps of {args.batch_size} crops each.\n")
    print(
        to_markdown(rows, ("network", "parameters", "CPU s per s", *HEADINGS), ("name", "parameters", "cost", *COLUMNS))
    )


if __name__ == "__main__":
    main()
