"""Two networks behind one door: each recording gets its own, and nothing of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hifisr_cli.checkpoints.registry import AUTO, find_model
from hifisr_cli.engines.by_sound import BySound, joint_identity
from hifisr_cli.engines.load import identify, load_model
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.errors import ModelError
from hifisr_cli.results import HeardSound


@pytest.fixture(scope="module")
def auto() -> BySound:
    loaded = load_model(AUTO, device="cpu", threads=1)
    assert isinstance(loaded, BySound)
    return loaded


def windows(engine: Engine, *sounds: str) -> WindowBatch:
    length = 2 * engine.geometry.context + 20 * engine.geometry.grid
    waves = 0.05 * torch.randn(len(sounds), length, generator=torch.Generator().manual_seed(0))
    cutoffs = torch.full((len(sounds), length // engine.geometry.grid), 4000.0)
    return WindowBatch(waves, cutoffs, (0,) * len(sounds), sounds)  # type: ignore[arg-type]


def test_each_row_is_by_the_network_for_its_sound(auto: BySound) -> None:
    mixed = windows(auto, "other", "speech", "other")
    together = auto.generate(mixed)
    for kind, member in auto.members.items():
        alone = member.generate(mixed)
        for row, sound in enumerate(mixed.sounds):
            assert torch.equal(together[row], alone[row]) == (sound == kind)


def test_what_is_said_of_it_names_the_network_of_each_recording(auto: BySound) -> None:
    speech, other = (identify(model.name) for model in find_model(AUTO).files)
    assert auto.identity == identify(AUTO)
    assert auto.identity.of(HeardSound("speech", 0.9)) == auto.identity.of(None) == speech
    assert auto.identity.of(HeardSound("other", 0.6)) == other
    assert speech.of(HeardSound("other", 1.0)) is speech  # a network that was asked for by name


def test_another_network_is_another_choice() -> None:
    one, two = (identify(model.name) for model in find_model(AUTO).files)
    hashes = {
        joint_identity(AUTO, {"speech": speech, "other": other}).parameter_hash
        for speech in (one, two)
        for other in (one, two)
    }
    assert len(hashes) == 4


def test_networks_that_do_not_go_together_are_refused(auto: BySound) -> None:
    speech, other = auto.identity.members["speech"], auto.identity.members["other"]
    with pytest.raises(ModelError, match="different engines"):
        joint_identity(AUTO, {"speech": speech, "other": replace(other, engine="tfnet")})


def test_a_narrower_network_is_cut_to_the_other(auto: BySound) -> None:
    class Wide:
        """Needs more around a core than the other, and says how little it made of it."""

        identity, device, level_rms, lanes = auto.identity, auto.device, auto.level_rms, 1
        geometry = replace(auto.geometry, context=auto.geometry.context + 480, trim=auto.geometry.trim + 480)

        def generate(self, windows: WindowBatch) -> torch.Tensor:
            return windows.waves[:, self.geometry.trim : -self.geometry.trim]

    wide: Engine = Wide()
    joint = BySound(auto.identity, {"speech": auto.members["speech"], "other": wide})
    assert joint.geometry == wide.geometry
    made = joint.generate(windows(joint, "speech", "other"))
    alone = auto.members["speech"].generate(windows(joint, "speech", "speech"))
    assert torch.equal(made[0], alone[0, 480:-480])
