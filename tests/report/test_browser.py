"""The page in a real browser: what a person does with it, and that it stays quiet and offline."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.report.write import write_report
from hifisr_cli.results import Bandwidth, Stretch
from tests.report.conftest import EVIL, RESULT, failed, make_restored, record, write_journal

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium as the system has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((path for path in map(shutil.which, names) if path), None)
    if executable is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Open]:
    """`visit(path, **settings of the context)`: the page, which must neither complain nor ask the network."""
    complaints: list[str] = []
    contexts = []

    def go(path: Path, **settings: Any) -> Any:
        context = browser.new_context(**settings)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        # Chromium itself breaks off the loading of sound of which it has enough for the moment.
        tab.on("requestfailed", lambda one: "ABORTED" in one.failure or complaints.append(f"{one.failure} {one.url}"))
        tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url))
        tab.goto(path.as_uri())
        return tab

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def wait(tab: Any, condition: str) -> None:
    """Until the condition holds. Playwright's own way evaluates text in the page, which its policy forbids."""
    for _ in range(500):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    pytest.fail(f"never came true: {condition}")


def names(tab: Any) -> list[str]:
    found: list[str] = tab.locator("button.toggle").all_text_contents()
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two recordings that can be heard, a failure, and a copy."""
    root = tmp_path_factory.mktemp("run")
    long = make_restored(root, "long.wav", seconds=3.0, warnings=("listen to this",))
    odd = make_restored(root, EVIL, seconds=1.0)
    copied = record(
        replace(RESULT, status="copied", seconds=9.0, warnings=("full band already: copied through",)), "c.wav"
    )
    return write_report(write_journal(root / "out", [odd, long, copied, failed("broken.wav")])).path


def test_sort_and_filter(small: Path, visit: Open) -> None:
    tab = visit(small)
    assert names(tab) == ["broken.wav", "long.wav", EVIL, "c.wav"], "what needs attention stands first"
    head = tab.locator("thead th", has_text="Duration")
    head.get_by_role("button").click()
    assert names(tab) == [EVIL, "long.wav", "c.wav", "broken.wav"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    assert names(tab) == ["c.wav", "long.wav", EVIL, "broken.wav"], "what has no duration stays last"
    assert tab.locator("th[aria-sort]").count() == 1
    tab.get_by_role("button", name="Failed").click()
    assert names(tab) == ["broken.wav"]
    assert tab.locator("#count").text_content() == "1 to 1 of 1 file (4 in all)"
    tab.get_by_role("button", name="All").click()
    tab.get_by_label("Find").fill("LISTEN long")
    wait(tab, "document.querySelectorAll('button.toggle').length === 1")
    assert names(tab) == ["long.wav"]


def test_the_keyboard_opens_a_row_and_the_pictures_are_there(small: Path, visit: Open) -> None:
    tab = visit(small)
    toggle = tab.get_by_role("button", name="long.wav", exact=True)
    toggle.focus()
    tab.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    assert tab.evaluate("document.activeElement.textContent") == "long.wav"
    pictures = tab.locator("tr.detail img")
    assert pictures.count() == 2
    wait(tab, "[...document.querySelectorAll('tr.detail img')].every((image) => image.naturalWidth > 0)")
    assert all("Spectrogram" in str(pictures.nth(side).get_attribute("alt")) for side in (0, 1))
    edges = tab.locator(".edges path").evaluate_all("(paths) => paths.map((path) => path.getAttribute('d'))")
    assert edges == [f"M0 {24_000 - 3_400}H3"] * 2
    assert tab.locator(".edge").all_text_contents() == ["cutoff 3.4 kHz"]
    assert tab.locator(".spectrum path").count() == 2
    tab.keyboard.press("Enter")
    assert tab.locator("tr.detail").count() == 0


def test_the_line_of_the_cutoff_moves(tmp_path: Path, visit: Open) -> None:
    def part(channel: int | None, start: float, end: float, hertz: float) -> Stretch:
        return Stretch(channel, start, end, Bandwidth(hertz, 0.9, "edge" if hertz < 24_000 else "full-band"))

    moved = (part(None, 0, 1, 3_400), part(None, 1, 2, 2_000), part(None, 2, 2.5, 24_000), part(None, 2.5, 3, 3_400))
    legs = (part(1, 0, 3, 3_400), part(2, 0, 3, 1_000))
    records = [
        make_restored(tmp_path, name, seconds=3.0, stretches=stretches)
        for name, stretches in (("moved.wav", moved), ("legs.wav", legs))
    ]
    tab = visit(write_report(write_journal(tmp_path / "out", records)).path)
    for name, lines, range_told in (
        ("moved.wav", ["M0 20600H1V22000H2M2.5 20600H3"], "2.0 kHz to full band"),
        ("legs.wav", ["M0 20600H3", "M0 23000H3"], "1.0 to 3.4 kHz"),
    ):
        toggle = tab.get_by_role("button", name=name, exact=True)
        assert range_told in str(tab.locator("tr", has=toggle).text_content())
        toggle.click()
        shown = "(paths) => paths.map((path) => path.getAttribute('d'))"
        assert tab.locator("[data-side='0'] .edges path").evaluate_all(shown) == lines
        toggle.click()


def test_switching_goes_on_at_the_same_position(small: Path, visit: Open) -> None:
    tab = visit(small)
    tab.get_by_role("button", name="long.wav", exact=True).click()
    wait(tab, "[...players.values()][0].every((sound) => sound.readyState >= 1)")
    position = "[...players.values()][0].map((sound) => sound.currentTime)"
    tab.get_by_label("Position").evaluate(
        "(slider) => { slider.value = 500; slider.dispatchEvent(new Event('input')); }"
    )
    original = tab.get_by_role("button", name="Original", exact=True)
    assert tab.evaluate(position)[1] == pytest.approx(1.5, abs=0.01)
    original.click()
    assert original.get_attribute("aria-pressed") == "true"
    assert tab.evaluate(position)[0] == pytest.approx(1.5, abs=0.01)
    assert tab.evaluate("[...players.values()][0].every((sound) => sound.paused)")
    tab.get_by_role("button", name="Play").click()
    wait(tab, f"({position})[0] > 1.55")
    tab.get_by_role("button", name="Restored", exact=True).click()
    before, after = tab.evaluate(position)
    assert after >= before - 0.01
    assert tab.evaluate("[...players.values()][0].map((sound) => sound.paused)") == [True, False]
    tab.get_by_role("button", name="Pause").click()
    tab.locator(".canvas").first.click(position={"x": 1, "y": 20})
    assert original.get_attribute("aria-pressed") == "true", "a click into a picture goes there"
    assert tab.evaluate(position)[0] < 0.1


def test_light_and_dark(small: Path, visit: Open) -> None:
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    dark, light = visit(small, color_scheme="dark"), visit(small, color_scheme="light")
    assert dark.evaluate(shade) < 150
    assert light.evaluate(shade) > 600
    light.locator("#theme").click()
    light.locator("#theme").click()
    assert light.locator("#theme").text_content() == "Theme: dark"
    assert light.evaluate(shade) < 150


def test_a_narrow_window_shows_the_page_without_scrolling_sideways(small: Path, visit: Open) -> None:
    tab = visit(small, viewport={"width": 380, "height": 800})
    tab.get_by_role("button", name="long.wav", exact=True).click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380


def test_ten_thousand_files_are_paged(tmp_path: Path, visit: Open) -> None:
    one = record(RESULT, "one.wav")
    records = [
        replace(
            one,
            input=replace(one.input, relative=f"tape {number % 100:03d}/{number:05d}.wav", absolute=str(number)),
            result={**one.result, "seconds": float(number % 977)},
        )
        for number in range(10_000)
    ]
    path = write_report(write_journal(tmp_path / "out", records), pictures=0).path
    assert path.stat().st_size < 10_000_000
    tab = visit(path)
    assert len(names(tab)) == 50
    tab.get_by_role("button", name="Next").click()
    assert tab.locator("#page").text_content() == "Page 2 of 200"
    assert names(tab)[0] == "tape 050/00050.wav"
    tab.get_by_label("Files a page").select_option("250")
    assert len(names(tab)) == 250
    tab.get_by_role("button", name="Duration").click()
    seconds = tab.evaluate("shown.map((row) => row.seconds)")
    assert seconds == sorted(seconds) and len(seconds) == 10_000
