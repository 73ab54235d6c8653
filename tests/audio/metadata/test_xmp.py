"""XMP says the same as `bext` and iXML, in whichever of its forms it says it, and all else in it stays."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hifisr_cli.audio.containers.riff import parse_chunks
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.ixml import time_of_ixml
from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.audio.metadata.xmp import change_xmp, time_of_xmp
from hifisr_cli.audio.open import open_recording
from hifisr_cli.results import AudioInfo
from tests.audio.metadata.test_chunks import WAV, body, carry, chunk, wav
from tests.audio.opened import carried_by

HEAD = """<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:bext="http://ns.adobe.com/bwf/bext/1.0/"
 xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/" """
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end='w'?>"
TIME, SCALED = 4_200_000_000, round(4_200_000_000 * 48_000 / 44_100)

ELEMENTS = f"""{HEAD}><dc:title>Töne 44100</dc:title><bext:timeReference> {TIME} </bext:timeReference>
<bext:umid>060A2B34</bext:umid><xmpDM:startTimeScale>44100</xmpDM:startTimeScale>
<xmpDM:startTimeSampleSize>1</xmpDM:startTimeSampleSize><xmpDM:audioSampleRate>44100</xmpDM:audioSampleRate>
<xmpDM:audioSampleType>16Int</xmpDM:audioSampleType>{TAIL}"""
ATTRIBUTES = f"""{HEAD} dc:title="Töne 44100" bext:timeReference="{TIME}" bext:umid='060A2B34'
 xmpDM:startTimeScale="44100" xmpDM:startTimeSampleSize="1"
 xmpDM:audioSampleRate='44100' xmpDM:audioSampleType="16Int">{TAIL}"""
CHANGES = {
    f"{TIME}": f"{SCALED}",
    "060A2B34": "",
    ">44100<": ">48000<",
    'startTimeScale="44100"': 'startTimeScale="48000"',
    "audioSampleRate='44100'": "audioSampleRate='48000'",
    "16Int": "24Int",
}


def treated(
    text: str, rate: int = 44_100, *, chosen: OutputFormat = WAV, extended: str | None = "above 9.0 kHz"
) -> str:
    info = AudioInfo("WAV", "PCM_16", rate, 1, 100, 16, is_float=False, lossy=False)
    return change_xmp(text.encode(), Treatment(info, chosen, extended), []).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", [ELEMENTS, ATTRIBUTES], ids=["elements", "attributes"])
def test_counts_and_rates_are_those_of_the_output(tmp_path: Path, form: str, encoding: str) -> None:
    text = form.replace("\N{ZERO WIDTH NO-BREAK SPACE}", "") if encoding == "utf-16-le" else form
    carried = carry(tmp_path, wav(after=(chunk(b"_PMX", text.encode(encoding)),), rate=44_100), rate=44_100)
    expected = text
    for old, new in CHANGES.items():
        expected = expected.replace(old, new)
    assert body(carried, b"_PMX").decode(encoding) == expected
    assert f">{44_100}<" not in expected
    assert [warning for warning in carried.warnings if "umid in its XMP" in warning]


def test_the_same_samples_keep_it_to_the_byte(tmp_path: Path) -> None:
    data = ELEMENTS.replace("44100", "48000").replace("16Int", "24Int").encode()
    carried = carry(tmp_path, wav(chunk(b"_PMX", data), rate=48_000), rate=48_000, extended=None)
    assert body(carried, b"_PMX") == data
    assert carried.warnings == ()


def test_frames_of_film_and_other_rates_are_no_samples() -> None:
    text = f"{HEAD} xmpDM:startTimeScale='24000' xmpDM:startTimeSampleSize='1001'>{TAIL}"
    assert treated(text) == text
    assert "audioSampleRate='24000'" in treated(f"{HEAD} xmpDM:audioSampleRate='22050'>{TAIL}")  # half of each


def tracks(rate: str, start: str, length: str, second: str = "") -> str:
    marker = (
        f"<rdf:li><rdf:Description xmpDM:startTime='{start}' xmpDM:duration='{length}' xmpDM:name='44100'/></rdf:li>"
    )
    inside = f"<xmpDM:markers><rdf:Seq>{marker}</rdf:Seq></xmpDM:markers>"
    track = f"<rdf:li rdf:parseType='Resource'>{inside}<xmpDM:frameRate>{rate}</xmpDM:frameRate></rdf:li>"
    return f"{HEAD}><xmpDM:Tracks><rdf:Bag>{track}{second}<rdf:li/></rdf:Bag></xmpDM:Tracks>{TAIL}"


OTHER = """<rdf:li><rdf:Description xmpDM:frameRate="f25"><xmpDM:markers><rdf:Seq><rdf:li
 xmpDM:startTime="441"/></rdf:Seq></xmpDM:markers></rdf:Description></rdf:li>"""


def test_markers_are_counted_in_the_rate_of_their_track() -> None:
    assert treated(tracks("f44100", "441", "147", OTHER)) == tracks("f48000", "480", "160", OTHER)
    for unit in ("f25", "f30000s1001", "f254016000000"):
        assert treated(tracks(unit, "441", "147")) == tracks(unit, "441", "147")


def test_a_marker_may_bring_its_own_rate() -> None:
    assert treated(tracks("f25", "441f44100", "147f25")) == tracks("f25", "480f48000", "147f25")


def test_other_prefixes_for_the_same_names() -> None:
    text = ATTRIBUTES.replace("xmpDM:", "dm:").replace("xmlns:xmpDM", "xmlns:dm").replace("bext:", "b:")
    found = treated(text.replace("xmlns:bext", "xmlns:b"))
    assert f'b:timeReference="{SCALED}"' in found
    assert "dm:audioSampleRate='48000'" in found


def test_a_float_output_says_so() -> None:
    assert 'audioSampleType="32Float"' in treated(ATTRIBUTES, chosen=OutputFormat("wav", "FLOAT", None, ".wav"))


@pytest.mark.parametrize("name", [b"_PMX", b"iXML"])
def test_a_new_bext_chunk_does_not_contradict_the_others(tmp_path: Path, name: bytes) -> None:
    stamp = "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{0}>{1}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{0}>"
    ixml = f"<BWFXML><SPEED>{stamp.format('HI', TIME >> 32)}{stamp.format('LO', TIME & 0xFFFF_FFFF)}</SPEED></BWFXML>"
    text = ELEMENTS if name == b"_PMX" else ixml
    carried = carry(tmp_path, wav(chunk(name, text.encode()), rate=44_100), rate=44_100)
    assert int.from_bytes(body(carried, b"bext")[338:346], "little") == SCALED
    assert (time_of_xmp if name == b"_PMX" else time_of_ixml)(body(carried, name)) == SCALED


def test_no_bytes_are_too_odd(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00\xd8", b"<\0\0", bytes(9), b"<xmpDM:Tracks><rdf:li></xmpDM:Tracks></rdf:li>"):
        carried = carry(tmp_path, wav(chunk(b"_PMX", data)))
        assert [c.name for c in carried.before if c.name == b"bext"]


def test_a_large_one_takes_no_time() -> None:
    """In seconds, whatever is in it: each of these has taken a search that begins again everywhere to its knees."""
    begun = time.monotonic()
    for part in ("<xmpDM:Tracks>", "<rdf:li>", "<", " ", "<xmpDM:startTime>1", "<rdf:li xmpDM:frameRate='f44100'/>"):
        treated(f"{HEAD}><xmpDM:Tracks>{part * (1_000_000 // len(part))}</xmpDM:Tracks>{TAIL}")
        treated(part * (1_000_000 // len(part)))
    assert time.monotonic() - begun < 60


def test_the_case_of_a_file_that_contradicted_itself(shared_cases: Path) -> None:
    path = shared_cases / "23-xmp-time-reference"
    with open_recording(path / "bext_tail.wav") as recording:
        info = recording.info
    carried = carried_by(path / "bext_tail.wav", info, WAV, extended="above 9.0 kHz")
    moment = 3600 * 48_000
    xmp = body(carried, b"_PMX")
    assert f"<bext:timeReference>{moment}</bext:timeReference>".encode() in xmp
    assert b"<xmpDM:startTimeSampleSize>48000<" in xmp
    assert b"<xmpDM:audioSampleRate>48000<" in xmp
    assert time_of_ixml(body(carried, b"iXML")) == time_of_xmp(xmp) == moment
    assert int.from_bytes(body(carried, b"bext")[338:346], "little") == moment
    old = dict(parse_chunks((path / "bext_tail.wav").read_bytes(), 12))[b"_PMX"]
    assert xmp == old.replace(b">158760000<", f">{moment}<".encode()).replace(b">44100<", b">48000<")
