"""PREMIS 3 by the rules of its schema: which elements, in which order, and that every link leads somewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hifisr_cli.errors import JournalError
from hifisr_cli.provenance.premis import NAMESPACE, to_premis, write_premis
from hifisr_cli.results import Bandwidth, Stretch
from tests.report.conftest import EVIL, RESULT, failed, record, write_journal

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# The part of the schema that is used: the children of an element in their order. "+" at least one, "?" at most one,
# "*" any number, nothing: exactly one. Elements that are not listed hold text.
RULES = {
    "premis": "object+ event* agent*",
    "object": "objectIdentifier+ objectCharacteristics+ originalName? storage* relationship* linkingEventIdentifier*",
    "objectIdentifier": "objectIdentifierType objectIdentifierValue",
    "objectCharacteristics": "compositionLevel? fixity* size? format+",
    "fixity": "messageDigestAlgorithm messageDigest messageDigestOriginator?",
    "format": "formatDesignation? formatRegistry? formatNote*",
    "formatDesignation": "formatName formatVersion?",
    "relationship": "relationshipType relationshipSubType relatedObjectIdentifier+ relatedEventIdentifier*",
    "relatedObjectIdentifier": "relatedObjectIdentifierType relatedObjectIdentifierValue",
    "relatedEventIdentifier": "relatedEventIdentifierType relatedEventIdentifierValue",
    "event": "eventIdentifier eventType eventDateTime eventDetailInformation* eventOutcomeInformation*"
    " linkingAgentIdentifier* linkingObjectIdentifier*",
    "eventIdentifier": "eventIdentifierType eventIdentifierValue",
    "eventDetailInformation": "eventDetail?",
    "eventOutcomeInformation": "eventOutcome? eventOutcomeDetail*",
    "eventOutcomeDetail": "eventOutcomeDetailNote?",
    "linkingAgentIdentifier": "linkingAgentIdentifierType linkingAgentIdentifierValue linkingAgentRole*",
    "linkingObjectIdentifier": "linkingObjectIdentifierType linkingObjectIdentifierValue linkingObjectRole*",
    "agent": "agentIdentifier+ agentName* agentType? agentVersion? agentNote*",
    "agentIdentifier": "agentIdentifierType agentIdentifierValue",
}


def tag(element: ET.Element) -> str:
    assert element.tag.startswith(f"{{{NAMESPACE}}}")
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def check(element: ET.Element) -> None:
    """The element and everything in it obeys the rules."""
    name = tag(element)
    rule = RULES.get(name)
    if rule is None:
        assert not len(element) and element.text, f"{name} holds text"
        return
    children = " ".join(map(tag, element)) + " "
    pattern = "".join(f"(?:{part.rstrip('+?*')} ){part[-1] if part[-1] in '+?*' else ''}" for part in rule.split())
    assert re.fullmatch(pattern, children), f"{name}: {children}"
    for child in element:
        check(child)


def identifiers(root: ET.Element, name: str) -> list[tuple[str | None, str | None]]:
    return [(found[0].text, found[1].text) for found in root.iter(f"{{{NAMESPACE}}}{name}Identifier")]


@pytest.fixture
def document() -> ET.Element:
    odd = "na\udcefve\x01.wav"
    warned = replace(RESULT, warnings=("the cutoff is uncertain",), loudness_gain_db=1.5)
    records = [
        record(warned, "a.wav"),
        record(replace(RESULT, status="copied", model=None), "b & c.wav"),
        failed(EVIL),
        record(RESULT, odd),
    ]
    return ET.fromstring("".join(to_premis(records)))


def test_it_obeys_the_schema(document: ET.Element) -> None:
    assert document.get("version") == "3.0"
    check(document)
    assert [found.get(XSI_TYPE) for found in document.iter(f"{{{NAMESPACE}}}object")] == ["file"] * 7


def test_the_rules_would_notice() -> None:
    text = "".join(to_premis([record(RESULT, "a.wav")]))
    for wrong in (
        text.replace("<eventType>modification</eventType>", ""),
        re.sub(r"(?s)(<fixity>.*?</fixity>)\s*(<size>\d+</size>)", r"\2\1", text, count=1),
        text.replace("originalName", "originalname"),
    ):
        assert wrong != text
        with pytest.raises(AssertionError):
            check(ET.fromstring(wrong))


@pytest.mark.parametrize("kind", ["object", "event", "agent"])
def test_every_link_leads_somewhere_and_identifiers_are_unique(document: ET.Element, kind: str) -> None:
    there = identifiers(document, kind)
    assert there and len(set(there)) == len(there)
    capital = kind.capitalize()
    assert set(identifiers(document, f"linking{capital}") + identifiers(document, f"related{capital}")) <= set(there)


def test_events_say_what_was_done(document: ET.Element) -> None:
    events = ["\n".join(event.itertext()) for event in document.iter(f"{{{NAMESPACE}}}event")]
    assert "success" in events[0] and "content above 3.4 kHz is synthetic" in events[0]
    assert "the input is kept whole below 3332 Hz" in events[0]
    assert "the cutoff is uncertain" in events[0] and "gain 1.50 dB" in events[0]
    assert "synthetic" not in events[1], "a copy holds nothing synthetic"
    assert "failure" in events[2] and "the recording has no samples" in events[2]
    assert "2026-11-21T15:00:00Z" in events[0]


def test_a_cutoff_that_changes_is_said_to() -> None:
    cutoffs = (3_400.0, 15_000.0, 3_400.0)
    moved = tuple(Stretch(None, at, at + 1.0, Bandwidth(hz, 0.9, "edge")) for at, hz in enumerate(cutoffs))
    text = "".join(to_premis([record(replace(RESULT, stretches=moved), "a.wav")]))
    assert "content above 3.4 to 15.0 kHz (changes 2 times) is synthetic" in text


def test_fixity_and_size_are_those_of_the_journal(document: ET.Element) -> None:
    digests = [found.text for found in document.iter(f"{{{NAMESPACE}}}messageDigest")]
    assert digests[:2] == ["cd" * 32, "ef" * 32]
    assert len(digests) == 6, "an input that could not be read has none"
    assert [found.text for found in document.iter(f"{{{NAMESPACE}}}size")][:2] == ["1000", "2000"]


def test_writing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    write_journal(tmp_path, [record(RESULT, "a.wav"), failed("b.wav")])
    first = write_premis(tmp_path).read_bytes()
    assert write_premis(tmp_path).read_bytes() == first
    check(ET.fromstring(first))


def test_a_folder_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        write_premis(tmp_path)
    assert not list(tmp_path.iterdir())
