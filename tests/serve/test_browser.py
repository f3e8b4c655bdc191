"""The page in a real browser, on the real demo: simulator, collector, journal, API, page.

Debian's Chromium is driven as it is; where there is none, the tests are skipped and say so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect, sync_playwright

CHROMIUM: Final = os.environ.get("SISE_CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
CHROMIUM_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK: Final = {"width": 1600, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
DEMO_SECONDS_MAX: Final = 120
PATIENCE_MS: Final = 20_000
LOOK_EVERY_MS: Final = 100
REQUESTS_MAX: Final = 9
HEAP_BYTES_MAX: Final = 10_000_000
HATCHED_PIXELS_MIN: Final = 500
WORKING_ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+/dashboard")

# The hatching of unknown time is the only thing on the dark chart that is amber.
COUNT_HATCHED: Final = """() => [...document.querySelectorAll('#chart canvas')].reduce((sum, canvas) => {
    if (!canvas.width || !canvas.height) return sum;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let amber = 0;
    for (let i = 0; i < data.length; i += 4)
        if (data[i] > data[i + 1] + 10 && data[i + 1] > data[i + 2] + 20 && data[i + 3] > 200) amber += 1;
    return sum + amber;
}, 0)"""

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).is_file(),
    reason=f"NO BROWSER: no {CHROMIUM}, so the page was NOT looked at; install chromium or set SISE_CHROMIUM",
)


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the dashboard of a demo with a journal of its own."""
    environment = {**os.environ, "SISE_DATA_DIR": str(tmp_path_factory.mktemp("data"))}
    command = [sys.executable, "-m", "sise", "demo", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        [*command, "--for", f"{DEMO_SECONDS_MAX}s"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        said = ""
        try:
            for line in demo.stdout:
                said += line
                if found := WORKING_ADDRESS.search(line):
                    _wait_for_quotes(found[0].removesuffix("/dashboard"))
                    yield found[0]
                    break
            else:
                pytest.fail(f"the demo named no dashboard; it said: {said}")
        finally:
            demo.terminate()
            demo.communicate(timeout=20)


def _wait_for_quotes(origin: str) -> None:
    """Until the first symbols are known, an address that names one finds nothing."""
    for _ in range(PATIENCE_MS // LOOK_EVERY_MS):
        with urllib.request.urlopen(f"{origin}/api/quotes", timeout=PATIENCE_MS / 1000) as answer:
            if len(json.load(answer)["quotes"]) > 1:
                return
        time.sleep(LOOK_EVERY_MS / 1000)
    pytest.fail(f"{origin} has no quotes")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of the desk's size; whatever it complains of fails the test."""
    context = browser.new_context(viewport=DESK, locale="en-US")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def _see(page: Page, address: str) -> None:
    """Open the page and wait until the market is drawn and the proof is there."""
    page.goto(address)
    page.wait_for_selector("#pill.recording")
    page.wait_for_selector("#quote-rows tr")
    _until(page, "document.querySelector('#legend').textContent !== ''")


def _until(page: Page, expression: str) -> None:
    """Wait until ``expression`` is true. (The page's CSP forbids Playwright's own way: it evaluates text.)"""
    for _ in range(PATIENCE_MS // LOOK_EVERY_MS):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(LOOK_EVERY_MS)
    pytest.fail(f"in vain waited for: {expression}")


def _until_changed(page: Page, selector: str) -> None:
    text = f"document.querySelector({json.dumps(selector)}).innerText"
    _until(page, f"{text} !== {json.dumps(page.evaluate(text))}")


def test_the_market_moves_and_nothing_leaves_the_machine(page: Page, dashboard: str) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    _see(page, f"{dashboard}?lang=en")
    sent = [url for url in requests if not url.startswith("data:")]
    assert len(sent) <= REQUESTS_MAX, sent
    assert page.locator("#chart canvas").count() > 0
    expect(page.locator("#chart a[href*='tradingview.com']")).to_be_visible()
    for moving in ("#quote-rows", "[data-figure=heard] .value", "#clock-time"):
        _until_changed(page, moving)
    origin = dashboard.removesuffix("/dashboard").removeprefix("http://")
    assert [url for url in requests if not re.match(rf"data:|(?:http|ws)://{origin}/", url)] == []
    assert page.evaluate("performance.memory.usedJSHeapSize") < HEAP_BYTES_MAX


def test_language_theme_and_colours_are_the_readers(page: Page, dashboard: str) -> None:
    _see(page, f"{dashboard}?lang=en&theme=dark")
    assert page.inner_text("#pill-state") == "recording"
    page.click("#lang [data-value=ko]")
    assert page.inner_text("#pill-state") == "기록 중"
    assert page.get_attribute("html", "lang") == "ko"
    assert "lang=ko" in page.url

    up = "getComputedStyle(document.documentElement).getPropertyValue('--up').trim()"
    korean = page.evaluate(up)
    page.click("#colors [data-value=west]")
    western = page.evaluate(up)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme [data-value=light]")
    assert korean != western
    assert page.evaluate(ground) != dark

    page.goto(dashboard)
    page.wait_for_selector("#pill.recording")
    assert page.get_attribute("html", "data-theme") == "light"
    assert page.get_attribute("html", "data-colors") == "west"
    assert page.inner_text("#pill-state") == "기록 중"


def test_the_keyboard_reaches_everything_and_each_view_has_its_address(page: Page, dashboard: str) -> None:
    _see(page, f"{dashboard}?lang=en")
    page.keyboard.press("/")
    page.keyboard.type("krw-eth")
    assert page.locator("#quote-rows tr:visible").count() == 1
    page.keyboard.press("Enter")
    expect(page.locator("#symbol")).to_have_text("KRW-ETH")
    assert page.locator("#quote-rows tr:visible").count() > 1
    page.keyboard.press("1")
    page.wait_for_url("**/dashboard/KRW-ETH/1s?lang=en")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#symbol")).not_to_have_text("KRW-ETH")
    page.go_back()
    expect(page.locator("#symbol")).to_have_text("KRW-ETH")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.click("#help button")
    expect(page.locator("#help")).to_be_hidden()


def test_a_figure_leads_to_its_evidence(page: Page, dashboard: str) -> None:
    _see(page, f"{dashboard}?lang=en")
    page.click("[data-figure=refused]")
    expect(page.locator("#note")).to_contain_text("system/refused/")
    page.click("#symbol")
    expect(page.locator("#note")).to_be_hidden()


def test_unplugging_the_market_is_seen_recorded_and_healed(page: Page, dashboard: str) -> None:
    _see(page, f"{dashboard}/KRW-BTC/1s?lang=en&theme=dark")
    page.click("#unplug")
    page.wait_for_selector("#pill.not_recording")
    expect(page.locator("#pill-reason")).to_contain_text("since")
    page.wait_for_selector("#gap-rows tr.open")
    page.wait_for_selector("#track .gap.open")
    _until(page, f"({COUNT_HATCHED})() > {HATCHED_PIXELS_MIN}")

    page.click("#unplug")  # now it says "plug in again"
    page.wait_for_selector("#pill.recording")
    page.wait_for_selector("#gap-rows tr:not(.open)")
    assert page.locator("#gap-rows tr.open").count() == 0
    assert "system/events/upbit/" in page.inner_text("#gap-rows tr .ref")
    _until_changed(page, "#legend .when")
    expect(page.locator("#legend .trust")).not_to_have_class("trust bar-unknown")
    assert page.evaluate(f"({COUNT_HATCHED})()") > HATCHED_PIXELS_MIN, "the hole must stay in the chart"
    expect(page.locator("#to-now")).to_be_hidden()


def test_a_lost_server_is_said_and_the_page_comes_back(page: Page, dashboard: str) -> None:
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws/live", pass_on)
    _see(page, f"{dashboard}?lang=en")
    sockets[-1].close()
    page.wait_for_selector("#pill.no_contact")
    expect(page.locator("#banner")).to_contain_text("The server is gone")
    page.wait_for_selector("#pill.recording")
    expect(page.locator("#banner")).to_be_hidden()
    assert len(sockets) == 2


def test_a_silent_server_is_said_with_the_time(page: Page, dashboard: str) -> None:
    held = False

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if held else socket.send(message))

    page.route_web_socket("**/ws/live", hold)
    _see(page, f"{dashboard}?lang=en")
    held = True
    page.wait_for_selector("#pill.no_contact")
    expect(page.locator("#banner")).to_contain_text("KST")


def _say(page: Page, change: Callable[[dict[str, Any]], object]) -> None:
    """Each status that the server sends is changed on its way to the page."""

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def send(message: str | bytes) -> None:
            said = json.loads(message)
            if said["type"] == "status":
                change(said)
            socket.send(json.dumps(said))

        server.on_message(send)

    page.route_web_socket("**/ws/live", pass_on)


def test_off_hours_are_calm_and_say_when_it_goes_on(page: Page, dashboard: str) -> None:
    resting = {"state": "off_hours", "reason": "after_hours", "next_start": "2099-11-23T00:30:00.000000Z"}
    _say(page, lambda said: (said.update(resting), said["collectors"][0].update(resting)))
    page.goto(f"{dashboard}?lang=en")
    page.wait_for_selector("#pill.off_hours")
    expect(page.locator("#pill")).to_contain_text("off hours")
    expect(page.locator("#pill-reason")).to_contain_text("next start 11-23 09:30 KST")
    expect(page.locator("#banner")).to_be_hidden()
    page.click("#lang [data-value=ko]")
    expect(page.locator("#pill-state")).to_have_text("장외 시간")


def test_of_several_collectors_the_worst_is_shown_first_and_each_can_be(page: Page, dashboard: str) -> None:
    def add_another(said: dict[str, Any]) -> None:
        (first,) = said["collectors"]
        said["collectors"].append(
            first | {"provider": "kis", "state": "degraded", "session_id": "sess_of_kis"}
        )

    def days_of_upbit(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("provider=kis", "provider=upbit")))

    page.route("**/api/day?provider=kis*", days_of_upbit)
    _say(page, add_another)
    _see(page, f"{dashboard}?lang=en")
    chosen = page.locator("#proof-providers button[aria-pressed=true]")
    expect(chosen).to_have_text("◐ kis")
    expect(page.locator("#session")).to_contain_text("sess_of_kis")
    page.click("#proof-providers [data-value=upbit]")
    expect(chosen).to_have_text("● upbit")
    expect(page.locator("#session")).not_to_contain_text("sess_of_kis")


def test_who_is_pinned_and_who_is_excluded_is_said_beside_the_slots(page: Page, dashboard: str) -> None:
    words = {"pins": ["KRW-BTC"], "excluded": ["KRW-DOGE", "KRW-XRP"]}
    _say(page, lambda said: said["collectors"][0].update(words))
    page.goto(f"{dashboard}/observer?lang=en")
    expect(page.locator("#slot-words")).to_have_text("pinned: KRW-BTC · excluded: KRW-DOGE, KRW-XRP")


def test_a_missed_sweep_says_why_and_where_that_stands(page: Page, dashboard: str) -> None:
    missed = {"slot": "", "state": "missing", "reason": "collector_down", "raw_ref": "system/events/x:7"}

    def miss(route: Route) -> None:
        day = route.fetch().json()
        nothing = dict.fromkeys(("began", "seconds", "asked", "answered", "refused", "left"))
        day["sweeps"] = [nothing | missed | {"slot": day["sessions"][0]["start"]}]
        route.fulfill(json=day)

    page.route("**/api/day?*", miss)
    page.goto(f"{dashboard}/observer?lang=en")
    page.locator("#lanes .sweep.missing").first.click(force=True)
    expect(page.locator("#note")).to_contain_text("the collector was down")
    expect(page.locator("#note")).to_contain_text("system/events/x:7")


def test_the_observer_tells_who_has_a_slot_and_what_was_heard(page: Page, dashboard: str) -> None:
    _see(page, f"{dashboard}?lang=en")
    page.click("nav a[data-place=observer]")
    page.wait_for_url("**/dashboard/observer?lang=en")
    expect(page.locator("#market-view")).to_be_hidden()
    page.wait_for_selector("#slot-rows tr")
    assert page.locator("#slot-rows tr").count() == 41
    assert page.locator("#slot-rows tr th[scope=row]").count() == 41
    page.wait_for_selector("#lanes .heard")
    _until(
        page, "document.querySelector('#day-figures [data-figure=listened] .value').innerText.endsWith('%')"
    )
    expect(page.locator("#universe")).to_contain_text("value traded in 24 h")
    page.wait_for_selector("#backup-rows tr")
    _until_changed(page, "#clock-time")

    page.click("#slot-table th[data-column=symbol] button")
    symbols = page.locator("#slot-rows tr th a").all_inner_texts()
    assert symbols == sorted(symbols)
    expect(page.locator("#slot-table th[data-column=symbol]")).to_have_attribute("aria-sort", "ascending")
    page.click("#day-figures [data-figure=missed]")
    expect(page.locator("#note")).to_contain_text("gap_marker")

    page.click("#lang [data-value=ko]")
    expect(page.locator("#slots h2")).to_have_text("자리")
    page.click("#slot-rows tr th a >> nth=0")
    page.wait_for_url(re.compile(rf"/dashboard/{symbols[0]}/1m"))
    expect(page.locator("#symbol")).to_have_text(symbols[0])
    page.go_back()
    expect(page.locator("#observer")).to_be_visible()


def test_the_observer_is_reached_by_address_and_by_keyboard(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/observer/upbit?lang=en")
    page.wait_for_selector("#lanes .heard")
    page.keyboard.press("m")
    expect(page.locator("#market-view")).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator("#observer")).to_be_visible()
    page.wait_for_selector("#lanes [data-mark]")
    page.locator("#lanes [data-mark][tabindex='0']").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('#lanes') !== null")
    expect(page.locator("#note")).to_be_visible()


def test_a_reconnect_is_a_mark_on_both_timelines(page: Page, dashboard: str) -> None:
    """After the market was unplugged (see above): the attempts are events of the day."""
    _see(page, f"{dashboard}?lang=en")
    page.wait_for_selector("#track .attempt:not(.failed)")
    assert "line came back" in (
        page.locator("#track .attempt:not(.failed)").first.get_attribute("title") or ""
    )
    page.goto(f"{dashboard}/observer?lang=en")
    page.locator("#lanes .attempt:not(.failed)").first.click(force=True)
    expect(page.locator("#note")).to_contain_text("system/events/upbit/")


def test_on_a_phone_the_observer_fits(page: Page, dashboard: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{dashboard}/observer?lang=ko&theme=light")
    page.wait_for_selector("#slot-rows tr")
    boxes = [page.locator(each).bounding_box() for each in ("#pill", "#day", "#slots", "#backups")]
    tops = [box["y"] for box in boxes if box is not None]
    assert len(tops) == len(boxes)
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.click("nav a[data-place=market]")
    expect(page.locator("#proof")).to_be_visible()


def test_on_a_phone_the_pill_and_the_proof_come_first(page: Page, dashboard: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    _see(page, f"{dashboard}?lang=ko")
    order = ["#pill", "#proof", "#quotes", "#market", "#gaps"]
    boxes = [page.locator(each).bounding_box() for each in order]
    tops = [box["y"] for box in boxes if box is not None]
    assert len(tops) == len(order)
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    first = page.locator("#quote-rows tr").nth(1)
    first.click()
    expect(page.locator("#market h1")).to_be_in_viewport()
