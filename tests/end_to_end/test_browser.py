"""A real browser: the two-person path as two people click it, and the report as a manager opens it."""

import shutil
import time
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from sqlalchemy import text

from deskledger.cli.local_airflow import LocalAirflow

from tests.end_to_end.installation import Demo

pytestmark = pytest.mark.full

PATIENCE_SECONDS = 90
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


@pytest.fixture
def up(demo: Demo) -> Iterator[LocalAirflow]:
    done = demo.command("up")
    assert done.returncode == 0, done.stderr
    yield LocalAirflow(demo.settings)
    demo.command("down")


def _see(browser: webdriver.Chrome, xpath: str) -> WebElement:
    wait = WebDriverWait(browser, PATIENCE_SECONDS)
    return wait.until(lambda opened: next(iter(opened.find_elements(By.XPATH, xpath)), None))


def _sign_in(browser: webdriver.Chrome, up: LocalAirflow, user: str) -> None:
    browser.delete_all_cookies()
    browser.get(f"{up.url}/auth/login")
    _see(browser, "//input[@name='username']").send_keys(user)
    browser.find_element(By.NAME, "password").send_keys(up.password(user))
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    _see(browser, "//*[text()='Dags']")


def _answer(browser: webdriver.Chrome, up: LocalAirflow, subject: str, option: str, comment: str) -> str:
    """Open the pending action whose subject begins so, answer it, and give what the page said."""
    end = time.monotonic() + PATIENCE_SECONDS
    link = None
    while link is None:
        assert time.monotonic() < end, f"no pending action {subject!r}"
        # Answered actions stay in the list; only the pending ones can be typed into.
        browser.get(f"{up.url}/required_actions?response_received=false")
        _see(browser, "//*[contains(text(), 'Required Action')]")
        time.sleep(3)
        found = browser.find_elements(By.XPATH, f"//a[starts-with(normalize-space(.), '{subject}')]")
        link = next((each.get_attribute("href") for each in found), None)
    browser.get(link)
    comment_field = _see(browser, "//input[@name='element_comment' and not(@disabled)]")
    said = browser.find_element(By.TAG_NAME, "body").text
    assert _see(browser, f"//button[normalize-space(.)='{option}']").get_attribute("disabled"), "a comment is required"
    comment_field.send_keys(comment)
    _see(browser, f"//button[normalize-space(.)='{option}' and not(@disabled)]").click()
    _see(browser, "//input[@name='element_comment' and @disabled]")
    return said


def _decisions(demo: Demo, contract: str) -> list[tuple[str, str, str]]:
    query = text("""
        select decision.decision, decision.decided_by, decision.comment
        from ledger.draft inner join ledger.decision using (draft_id)
        where draft.contract = :contract and draft.period = '2026-03' order by draft.number
    """)
    with demo.warehouse().connect() as connection:
        return [tuple(row) for row in connection.execute(query, {"contract": contract})]


def test_two_people_click_the_path(demo: Demo, up: LocalAirflow, browser: webdriver.Chrome) -> None:
    _sign_in(browser, up, "fatima")
    said = _answer(browser, up, "brisa 2026-03", "Dispute", "The carrier's outage is excused.")
    assert "service levels met" in said and "USD" in said and "Full report" in said
    WebDriverWait(browser, PATIENCE_SECONDS).until(lambda _: len(_decisions(demo, "brisa")) == 1)

    _sign_in(browser, up, "felix")
    said = _answer(browser, up, "brisa 2026-03", "Approve", "Agreed by telephone.")
    assert "draft 2" in said.lower()
    WebDriverWait(browser, PATIENCE_SECONDS).until(lambda _: len(_decisions(demo, "brisa")) == 2)
    assert _decisions(demo, "brisa") == [
        ("dispute", "fatima", "The carrier's outage is excused."),
        ("approve", "felix", "Agreed by telephone."),
    ]
    report = demo.settings.reports / "brisa" / "2026-03" / "BRISA-2026-03.html"
    WebDriverWait(browser, PATIENCE_SECONDS).until(lambda _: report.exists())


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
