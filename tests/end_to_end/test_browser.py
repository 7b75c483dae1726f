"""A real browser: the report as a manager opens it."""

import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from tests.end_to_end.installation import Demo

pytestmark = pytest.mark.full

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1400",
)


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "chromium and chromedriver are missing: `make check-full` installs them"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ARGUMENTS:
        options.add_argument(argument)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()


def test_the_report_opens_whole_and_asks_nobody(demo: Demo, browser: webdriver.Chrome) -> None:
    page = demo.settings.reports / "alder" / "2026-02" / "ALDER-2026-02.html"
    browser.get(page.as_uri())
    said = browser.find_element(By.TAG_NAME, "body").text
    for words in ("Alder Bank", "February 2026", "Service levels", "EUR", "posted"):
        assert words in said
    # Nothing outside the file was asked for, nothing failed, and no script is needed to read it.
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    # At the width of a telephone the page itself does not scroll sideways.
    browser.set_window_size(500, 900)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
