"""A Chromium without a window, and what a page did in it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_LONGEST = 120.0  # [s] until a page is drawn, on a machine that does much else
_HEIGHT = 900  # [px]


def missing_browser() -> str:
    """Why no browser can be opened here; empty if one can."""
    if not any(map(shutil.which, BROWSERS)):
        return "no Chromium here: apt-get install chromium chromium-driver"
    if not shutil.which("chromedriver"):
        return "no chromedriver here: apt-get install chromium-driver"
    return ""


@contextmanager
def browser() -> Iterator[Any]:
    """A driver of Chromium that logs what pages say and ask for."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    for each in _ARGUMENTS:
        options.add_argument(each)
    options.page_load_strategy = "eager"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def set_width(driver: Any, width: int) -> None:
    """As if the window were so wide [px]."""
    size = {"width": width, "height": _HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    # A page is told with its next frame, and answers within it.
    driver.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
    )


def open_drawn(driver: Any, page: Path, width: int = 1300) -> None:
    """Open a page and wait until its figures are drawn.

    Raises:
        TimeoutError: If they are not.
    """
    set_width(driver, width)
    driver.get(page.as_uri())
    wait_until_drawn(driver)


def wait_until_drawn(driver: Any) -> None:
    """Scroll to every figure that is shown until it is drawn, and back to the top.

    Raises:
        TimeoutError: If one is not.
    """
    next_one = (
        "const left = [...document.querySelectorAll('figure.chart')].filter(each => "
        "each.offsetParent && !['done', 'failed'].includes(each.dataset.drawn));"
        "if (left.length) left[0].scrollIntoView(); else scrollTo(0, 0); return left.length"
    )
    end = time.monotonic() + _LONGEST
    while driver.execute_script(next_one):
        if time.monotonic() > end:
            raise TimeoutError(f"{driver.current_url}: figures not drawn after {_LONGEST:g} s")
        time.sleep(0.02)


def complaints(driver: Any) -> list[str]:
    """Errors that a page wrote to its console since it was last asked."""
    return [each["message"] for each in driver.get_log("browser") if each["level"] == "SEVERE"]


def requests(driver: Any) -> list[str]:
    """Addresses outside of the machine that were asked for since it was last asked."""
    messages = (json.loads(each["message"])["message"] for each in driver.get_log("performance"))
    urls = (
        each["params"]["request"]["url"]
        for each in messages
        if each["method"] == "Network.requestWillBeSent"
    )
    return [url for url in urls if not url.startswith(("file:", "data:", "blob:"))]


def overflow(driver: Any) -> int:
    """By how much a page is wider than the window [px]."""
    root = "document.documentElement"
    return int(driver.execute_script(f"return {root}.scrollWidth - {root}.clientWidth"))
