"""What decides how a computer rounds: where it is equal, the same input, model and options give the same bytes.

Measured on eleven recordings with an AVX-512 processor: other instructions (AVX2, none) or another number of threads
change the last of 24 bits in 1 to 2 % of the samples of every output.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from hifisr_cli.system.machine import processor_vendor

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine


def numerics(engine: Engine) -> Mapping[str, str]:
    """Of a loaded engine in this process, by name: "processor" (who made it), "capability" (which of its instructions
    PyTorch uses), "torch", "mkl" (where PyTorch has it), "device" and "threads"."""
    import torch

    return {**_of_process(str(engine.device)), "threads": str(torch.get_num_threads())}


@cache
def _of_process(device: str) -> Mapping[str, str]:
    import torch

    mkl = re.search(r"Math Kernel Library Version (\S+)", torch.__config__.show())
    known = {
        "processor": processor_vendor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),  # a plain one: whoever unpickles it must not need PyTorch
        "mkl": "" if mkl is None else f"{mkl[1]} {os.environ.get('MKL_CBWR', '')}".strip(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
    }
    return {name: value for name, value in known.items() if value}
