"""What each part of the recipe is worth: the overlays in `examples/ablations`, each trained equally short.

    python benchmarks/ablations.py --data DIR [--data DIR] --validation DIR --output DIR
        [--steps N] [--batch-size B] [--only NAME ...]

From random weights, on the processor, with discriminators a quarter as wide as `examples/train.toml` has them, which
begin after a third of the steps. Printed as Markdown, best first: the mean of the mel and LSD-shaped energy distances
over the last quarter of the steps, and LSD and texture ratio on validation recordings. Finished runs are kept.
"""

from __future__ import annotations

import torch
from short_runs import COLUMNS, EXAMPLES, HEADINGS, Material, figures, parser_of, to_markdown

from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.train.config import TrainConfig

RUNS = {
    "the whole recipe": EXAMPLES / "train.toml",
    "without MBD": EXAMPLES / "ablations" / "no-mbd.toml",
    "without the multi-scale mel loss": EXAMPLES / "ablations" / "no-mel.toml",
    "without adversarial training": EXAMPLES / "ablations" / "no-adversary.toml",
    "without FSMN": EXAMPLES / "ablations" / "no-fsmn.toml",
}


def main() -> None:
    args = parser_of(__doc__).parse_args()
    changes = [
        f"steps={args.steps}",
        f"batch_size={args.batch_size}",
        f"warmup_steps={args.steps // 8}",
        f"adversarial_from={args.steps // 3}",
        f"validate_every={args.steps + 1}",
        f"save_every={args.steps + 1}",
        "precision=float32",
        "ema_decay=0.98",
        "discriminator_width=8",
    ]
    material = Material.read(args.data, args.validation)
    rows = []
    for name, path in RUNS.items():
        if args.only and name not in args.only:
            continue
        config = TrainConfig.read(path, changes)
        torch.manual_seed(1)
        rows.append({"name": name} | figures(name, config, material, args.output, Generator(config.network)))
        print(rows[-1], flush=True)
    print(f"{args.steps} steps of {args.batch_size} crops each.\n")
    print(to_markdown(rows, ("recipe", *HEADINGS), ("name", *COLUMNS)))


if __name__ == "__main__":
    main()
