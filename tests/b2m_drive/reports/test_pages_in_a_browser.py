"""Reports as a browser shows them: figures are drawn, follow what is chosen, and fit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.comparisons.run_folder import read_run
from b2m_drive.evidence.condition import ALONE, BRAIN
from b2m_drive.reports.report import write_report
from b2m_drive.reports.runs_report import write_runs_report
from tests.shared.browser import (
    browser,
    complaints,
    missing_browser,
    open_drawn,
    overflow,
    requests,
    set_width,
    wait_until_drawn,
)
from tests.shared.made_runs import scores_of, write_run, write_sessions
from tests.shared.places import ROOT

OLD = ROOT / "tests" / "old_runs" / "0.5.0"
WIDTHS = (360, 768, 1600)  # [px]
GAINS = {
    "A<&>": {"A1": 0.10, "A2": 0.06, "A-small": 0.9},
    "B": {"B1": 0.05},
    "C": {"C1": 0.07, "C2": 0.09},
}
BOTH = {"strategies": ["regression", "contrastive"]}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_browser()), reason=missing_browser() or "one is here"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as driver:
        yield driver


def two_strategies(folder: Path) -> Path:
    """A run of both strategies, the conditions alike."""
    scores = scores_of({"brain": 0.08}, ("labels", "time_shifted"))
    other = [
        type(each)(
            each.condition.parse(str(each.condition).replace("regression", "contrastive")),
            *(each.seed, each.metric, each.step, each.value, each.unit),
        )
        for each in scores
        if each.condition.method
    ]
    return write_run(folder, [*scores, *other], **BOTH)


def driving(folder: Path) -> Path:
    """An old run with scenes and a clip."""
    run = Path(shutil.copytree(OLD / "driving", folder))
    scenes = np.random.default_rng(0).integers(0, 255, (3, 8, 8), np.uint8)
    names = [f"{condition}/reconstruction" for condition in read_run(run).curves][:3]
    np.savez(run / "pictures.npz", original=scenes, **dict.fromkeys(names, scenes // 2))
    (run / "clips").mkdir()
    (run / "clips" / "the driver.mp4").write_bytes(b"no video at all")
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    one = two_strategies(folder / "one")
    return {
        "one": write_report(one),
        "many": write_report(write_sessions(folder / "many", GAINS)),
        "driving": write_report(driving(folder / "driving")),
        "agents": write_report(Path(shutil.copytree(OLD / "agents", folder / "agents"))),
        "calibration": write_report(
            Path(shutil.copytree(OLD / "calibration", folder / "calibration"))
        ),
        "runs": write_runs_report([one, folder / "driving"], folder / "runs.html"),
    }


def choose(driver: Any, name: str, words: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    Select(driver.find_element(By.ID, f"choose-{name}")).select_by_visible_text(words)
    wait_until_drawn(driver)


def open_far_from_figures(driver: Any, page: Path) -> None:
    """Open a page, its figures pages below what is seen, and no figure half drawn."""
    set_width(driver, 1300)
    driver.get(page.as_uri())
    driver.execute_script("document.querySelector('h1').style.marginBottom = '9000px'")
    while n_shown(driver, "[data-drawn=begun]"):
        time.sleep(0.02)


def n_shown(driver: Any, selector: str) -> int:
    """How many elements are to be seen that match."""
    found = f"[...document.querySelectorAll({selector!r})]"
    shown = f"{found}.filter(each => each.getClientRects().length).length"
    return int(driver.execute_script(f"return {shown}"))


def told_in(driver: Any, selector: str) -> list[str]:
    """What a screen reader is told of the marks of a figure."""
    script = (
        f"return [...document.querySelectorAll({selector!r} + ' [aria-label]')]"
        ".map(each => each.getAttribute('aria-label'))"
    )
    return list(driver.execute_script(script))


@pytest.mark.parametrize("name", ["one", "many", "driving", "agents", "calibration", "runs"])
def test_a_page_is_drawn_without_errors_requests_or_overflow(
    chromium: Any, pages: dict[str, Path], name: str
) -> None:
    page = pages[name]
    assert page.stat().st_size < 6_000_000
    open_drawn(chromium, page)
    assert n_shown(chromium, "figure.chart") == n_shown(chromium, "[data-drawn=done] svg.marks") > 0
    for width in WIDTHS:
        set_width(chromium, width)
        wait_until_drawn(chromium)
        assert overflow(chromium) <= 0, f"{width} px"
        assert n_shown(chromium, "[data-drawn=done] svg.marks") == n_shown(chromium, "figure.chart")
    assert complaints(chromium) == []
    assert requests(chromium) == []


def test_a_strategy_a_metric_and_a_control_are_chosen(
    chromium: Any, pages: dict[str, Path]
) -> None:
    open_drawn(chromium, pages["one"])
    all_figures = n_shown(chromium, "figure.chart")
    choose(chromium, "metric", "final accuracy")
    assert n_shown(chromium, "figure.chart") == all_figures - 2  # a metric a strategy
    choose(chromium, "strategy", "Brain Contrastive Transfer (BCT): decoded latents, activity as "
           "recorded")  # fmt: skip
    assert n_shown(chromium, ".strategy-m0") == 0
    assert n_shown(chromium, ".strategy-m1") > 0
    assert n_shown(chromium, "figure.chart") < all_figures / 2
    curves = "document.querySelectorAll('.strategy-m1 svg .mark-line.role-mark path').length"
    assert chromium.execute_script(f"return {curves}") > 3
    choose(chromium, "control", "shuffled brain")
    first = (
        "document.querySelector('.strategy-m1').querySelectorAll('svg .mark-line.role-mark path')"
    )
    assert chromium.execute_script(f"return {first}.length") == 3  # the brain, alone, the chosen
    assert complaints(chromium) == []


def test_figures_are_drawn_when_they_come_near_and_all_of_them_for_paper(
    chromium: Any, pages: dict[str, Path]
) -> None:
    open_far_from_figures(chromium, pages["one"])
    assert n_shown(chromium, "svg.marks") < n_shown(chromium, "figure.chart")
    chromium.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert n_shown(chromium, "svg.marks") == n_shown(chromium, "figure.chart")
    chromium.execute_script("dispatchEvent(new Event('afterprint'))")
    wait_until_drawn(chromium)  # as before: each can be saved, and follows what is chosen
    assert n_shown(chromium, "[data-drawn=done] details") == n_shown(chromium, "figure.chart")
    assert complaints(chromium) == []


def test_a_figure_that_is_drawn_late_shows_what_was_chosen_before(
    chromium: Any, pages: dict[str, Path]
) -> None:
    open_far_from_figures(chromium, pages["one"])
    choose(chromium, "control", "shuffled brain")
    list_of = "document.querySelector('#choose-control').selectedOptions[0].text"
    assert chromium.execute_script(f"return {list_of}") == "shuffled brain"
    lines = "document.querySelector('.strategy-m1').querySelectorAll('.mark-line.role-mark path')"
    assert chromium.execute_script(f"return {lines}.length") == 3  # the brain, alone, the chosen


def test_a_choice_is_made_by_keyboard_alone(chromium: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    open_drawn(chromium, pages["one"])
    for _ in range(20):  # to the first choice, past what stands before
        focused = chromium.switch_to.active_element
        if focused.get_attribute("id") == "choose-strategy":
            break
        focused.send_keys(Keys.TAB)
    before = n_shown(chromium, "figure.chart")
    chromium.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    wait_until_drawn(chromium)
    assert 0 < n_shown(chromium, "figure.chart") < before


def test_a_session_is_drawn_large_and_many_are_drawn_small(
    chromium: Any, pages: dict[str, Path]
) -> None:
    open_drawn(chromium, pages["many"])
    assert n_shown(chromium, ".session-all") == 1
    text = chromium.execute_script("return document.querySelector('.session-all svg').textContent")
    assert all(name in text for name in ("A1", "A2", "A-small", "B1", "C1", "C2"))  # a panel each
    choose(chromium, "session", "B1")
    assert n_shown(chromium, ".session-all") == 0
    assert n_shown(chromium, ".session-one svg.marks") == 1
    choose(chromium, "session", "A-small")
    assert complaints(chromium) == []


def test_figures_tell_their_numbers_to_a_pointer_and_to_a_screen_reader(
    chromium: Any, pages: dict[str, Path]
) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    open_drawn(chromium, pages["one"])
    told = told_in(chromium, ".metric-area_under_curve svg.marks")
    assert any("condition: shuffled brain; mean [95 %]: 0.0" in each for each in told)
    dot = chromium.find_element(
        By.CSS_SELECTOR, ".metric-area_under_curve .mark-symbol.role-mark path"
    )
    chromium.execute_script("arguments[0].scrollIntoView({block: 'center'})", dot)
    ActionChains(chromium).move_to_element(dot).perform()
    tooltip = chromium.find_element(By.ID, "vg-tooltip-element")
    assert "mean [95 %]" in tooltip.text
    assert "[" in tooltip.text


def test_scenes_flip_to_the_original_and_the_clip_is_inside(
    chromium: Any, pages: dict[str, Path]
) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    open_drawn(chromium, pages["driving"])
    assert n_shown(chromium, ".laid .made") == 1
    assert n_shown(chromium, "video[src^='data:video/mp4']") == 1
    students = Select(chromium.find_element(By.CSS_SELECTOR, "[data-flips]"))
    students.select_by_index(1)
    assert n_shown(chromium, ".laid .made.chosen") == 1
    assert n_shown(chromium, ".laid img.made:nth-of-type(3)") == 1  # after the original
    chromium.find_element(By.CSS_SELECTOR, ".flipper").click()
    assert n_shown(chromium, ".laid .made") == 0
    assert n_shown(chromium, ".laid .original") == 1


def test_paper_shows_all_numbers_and_figures_as_wide_as_it(
    chromium: Any, pages: dict[str, Path]
) -> None:
    open_drawn(chromium, pages["one"])
    folded = "document.querySelectorAll('main details:not(.vega-embed details):not([open])').length"
    assert chromium.execute_script(f"return {folded}") > 0
    chromium.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert chromium.execute_script(f"return {folded}") == 0
    widths = "Math.max(...[...document.querySelectorAll('svg.marks')].map(e => e.clientWidth))"
    assert chromium.execute_script(f"return {widths}") <= 718  # [px] of A4 less its margins
    chromium.execute_script("dispatchEvent(new Event('afterprint'))")
    assert chromium.execute_script(f"return {folded}") > 0


def test_every_condition_has_a_line_or_a_colour_of_its_own() -> None:
    study = read_run(OLD / "memory").study
    styles = [study.style_of(name) for name in (BRAIN, ALONE, *study.nulls, *study.probes)]
    assert len({str(each) for each in styles}) == len({*study.labels})
