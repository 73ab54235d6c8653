"""Makes the files beside it with the published network's own code; README.md says what they are.

    pip install --no-deps clearvoice==0.1.2 rotary-embedding-torch einops librosa torchinfo lazy-loader
    python -m tests.assets.published.make_tensors

Only the modules of the network are loaded: the package itself would want all that its other networks need.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import librosa.filters
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import weight_norm

from tests.engines.hifisr.published_form import SMALL, random_states, save

HERE = Path(__file__).parent
GAINS = {"resblocks": 0.5, "ups": 0.8}  # else the waveform is all at the limits of its tanh


def published(name: str) -> ModuleType:
    return importlib.import_module(f"clearvoice.models.mossformer2_sr.{name}")


def load_the_network_alone() -> None:
    found = importlib.util.find_spec("clearvoice")
    assert found is not None
    for name, folder in (("clearvoice", ""), ("clearvoice.models", "models")):
        sys.modules[name] = package = ModuleType(name)
        package.__path__ = [str(Path(str(found.origin)).parent / folder)]
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    sys.modules["torchaudio.transforms"] = transforms = ModuleType("torchaudio.transforms")
    transforms.Spectrogram = transforms.Resample = None  # type: ignore[attr-defined]


def latent_network() -> nn.Module:
    block, net = published("mossformer2_block"), published("mossformer2")
    block.Gated_FSMN_Block.__init__.__defaults__ = (SMALL.fsmn, 256, "scalenorm")
    whole = net.MossformerBlock_GFSMN
    net.MossformerBlock_GFSMN = lambda **more: whole(**(more | {"query_key_dim": SMALL.qk}))
    holder = nn.Module()
    holder.mossformer = net.MossFormer_MaskNet(SMALL.bands, SMALL.width, SMALL.latent, num_blocks=SMALL.blocks)
    return holder


def head_network() -> nn.Module:
    head: nn.Module = published("generator").Generator(
        SimpleNamespace(
            resblock="1",
            upsample_rates=[8, 8, 2, 2],
            upsample_kernel_sizes=[16, 16, 4, 4],
            upsample_initial_channel=SMALL.channels,
            resblock_kernel_sizes=[3, 7, 11],
            resblock_dilation_sizes=[[1, 3, 5]] * 3,
        )
    )
    head.conv_pre = weight_norm(nn.Conv1d(SMALL.latent, SMALL.channels, 7, 1, padding=3))  # 80 bands in their code
    return head


def log_mel(wave: Tensor) -> Tensor:
    """As `mel_spectrogram` in its dataloader/meldataset.py."""
    mel = torch.from_numpy(librosa.filters.mel(sr=48_000, n_fft=1024, n_mels=80, fmin=0, fmax=8000)).double()
    padded = nn.functional.pad(wave.unsqueeze(1), (384, 384), mode="reflect").squeeze(1)
    window = torch.hann_window(1024).double()
    spectrum = torch.stft(padded, 1024, 256, 1024, window, center=False, return_complex=True)
    magnitude = torch.sqrt(torch.view_as_real(spectrum).pow(2).sum(-1) + 1e-9)
    return torch.log(torch.clamp(mel @ magnitude, min=1e-5))


@torch.inference_mode()
def main() -> None:
    load_the_network_alone()
    latent, head = latent_network(), head_network()
    latent_state, head_state = random_states(SMALL, seed=20)
    for key, value in latent.state_dict().items():
        if key.endswith(("inv_freq", "freqs")):
            latent_state[key] = value.clone()
    for key in head_state:
        if key.endswith("weight_g"):
            head_state[key] *= GAINS.get(key.partition(".")[0], 1.0)
    save(HERE, latent_state, head_state)
    latent.load_state_dict(latent_state)
    head.load_state_dict(head_state)
    latent.eval().double()
    head.eval().double()
    source = torch.Generator().manual_seed(21)
    tensors = {}
    for frames in (2, 96, 255, 256, 257, 520):
        given = torch.randn(1, SMALL.bands, frames, generator=source) * 2 - 5
        tensors[f"mossformer.input.{frames}"] = given
        tensors[f"mossformer.output.{frames}"] = latent.mossformer(given.double())
    for frames in (2, 40):
        given = torch.randn(1, SMALL.latent, frames, generator=source)
        tensors[f"generator.input.{frames}"] = given
        tensors[f"generator.output.{frames}"] = head(given.double())
    wave = (0.1 * torch.randn(1, 12_000, generator=source)).cumsum(1).sin() * 0.3
    tensors |= {"frontend.wave": wave, "frontend.log_mel": log_mel(wave.double())}
    save_file({key: value.float().contiguous() for key, value in tensors.items()}, HERE / "tensors.safetensors")


if __name__ == "__main__":
    main()
