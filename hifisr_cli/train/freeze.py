"""From a training state to a frozen checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hifisr_cli.checkpoints.card import write_card
from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.engines.sizes import ConfigError
from hifisr_cli.engines.training import trainable
from hifisr_cli.errors import ModelError, reason_of

_AVERAGED_PREFIX = "module."


def freeze_state(
    state_path: Path,
    path: Path,
    *,
    name: str,
    licence: str,
    resampler: str,
    trained_on: str | None = None,
    half: bool = True,
) -> FrozenInfo:
    """Freezes the averaged weights of a training state, weight norm folded, with the skeleton of a model card beside.

    Args:
        resampler: that the training data went through.
        trained_on: the data in a few words, for the description.
        half: store float16.

    Raises:
        ModelError: not a training state, or damaged; nothing is written then.
        OutputError: the output cannot be written.
    """
    import torch

    try:
        with state_path.open("rb") as file:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=state_path) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise ModelError("not a training state, or a truncated one", path=state_path) from error
    try:
        engine = trainable(state.get("engine", "hifisr"))  # which states of the first release do not name
        sizes = engine.sizes(state["network"])
        network = engine.build(sizes)
        averaged = {
            key.removeprefix(_AVERAGED_PREFIX): value
            for key, value in state["averaged"].items()
            if key.startswith(_AVERAGED_PREFIX)
        }
        network.load_state_dict(averaged)
        training = f"{int(state['step'])} steps in {float(state['seconds']) / 60:.0f} minutes"
    except (KeyError, TypeError, AttributeError, ValueError, ConfigError, RuntimeError) as error:
        reason = f"no {error} in it" if isinstance(error, KeyError) else str(error).splitlines()[-1].strip()
        raise ModelError(f"not a training state of this version: {reason}", path=state_path) from error
    if trained_on is not None:
        training = f"{trained_on}; {training}"
    info = engine.freeze(network, path, name=name, training=training, licence=licence, resampler=resampler, half=half)
    write_card(info, path, sizes.architecture)
    return info
