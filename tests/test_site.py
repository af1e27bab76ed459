"""The built site: nothing is broken, nothing is fetched, and Chromium shows it. `make test-site` runs it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import streamfsm

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytest.importorskip("furo", reason="Sphinx is not installed; make test-site has it")
if not shutil.which("dot"):
    pytest.skip("Graphviz is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as strictly as `make site` does."""
    built = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "-c",
        "docs",
        ".",
        str(built),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - our own pages
    assert (done.returncode, done.stderr) == (0, "")
    return built


class Links(HTMLParser):
    """What a page links, and the places in it that can be linked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "href") if name in given and tag != "a"]


@cache
def parsed(page: Path) -> Links:
    return Links(page.read_text(encoding="utf-8"))


def broken(site: Path, page: Path) -> Iterator[str]:
    """The links of a page to places of this site that are not there."""
    for link in (*parsed(page).links, *parsed(page).loads):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        there = target.is_relative_to(site) and target.is_file()
        if not there or (parts.fragment and unquote(parts.fragment) not in parsed(target).ids):
            yield link


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    assert {str(page.relative_to(site)): [*broken(site, page)] for page in pages if [*broken(site, page)]} == {}
    elsewhere = {url for page in pages for url in parsed(page).loads if urlsplit(url).netloc}
    assert elsewhere == set()


def test_every_picture_is_svg_drawn_from_the_tables(site: Path):
    for machine, pictures in {"stream": 2, "text": 2, "tool_call": 2, "lexer": 1}.items():
        text = (site / "docs" / "machines" / f"{machine}.html").read_text(encoding="utf-8")
        assert text.count('<svg xmlns="http://www.w3.org/2000/svg" class="machine"') == pictures
        assert "flowchart TB" not in text


def test_every_public_name_is_in_the_reference_with_a_signature_that_can_be_read(site: Path):
    text = (site / "docs" / "api.html").read_text(encoding="utf-8")
    assert [name for name in streamfsm.__all__ if f'id="streamfsm.{name}"' not in text] == []
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))
    assert "FieldInfo" not in words
    assert "NoneType" not in words
    assert "list[StreamMessage]" in words


def test_the_search_knows_every_page(site: Path):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    names = {page.stem for page in (ROOT / "docs").rglob("*.md")}
    assert {name for name in names if f"/{name}" not in index} == set()


# -- Chromium ----------------------------------------------------------------------------------------------------------

LOOKED_AT = ["docs/index", "docs/tutorial", "docs/api", "docs/machines/tool_call", "docs/machines/lexer", "README"]


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_pages_fit_the_screen_load_nothing_else_and_have_no_fault_of_accessibility(
    site: Path, browser, scheme: str, width: int
):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: seen.append(str(error)))
    found = {}
    for name in LOOKED_AT:
        page.goto(f"file://{site / name}.html")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        # What the theme itself makes of a page is the theme's.
        options = {"runOnly": ["wcag2a", "wcag2aa"]}
        response = Axe().run(page, context="article", options=options).response
        if faults := [(fault["id"], fault["nodes"][0]["html"][:120]) for fault in response["violations"]]:
            found[name] = faults
    context.close()
    assert found == {}
    assert [url for url in seen if not url.startswith("file://")] == []


def test_a_matrix_does_not_scroll_even_on_a_phone(site: Path, browser):
    page = browser.new_page(viewport={"width": 375, "height": 900})
    for name in ("stream", "text", "tool_call", "lexer"):
        page.goto(f"file://{site}/docs/machines/{name}.html")
        section = page.locator("#every-state-every-event .table-wrapper")
        assert section.evaluate("box => box.scrollWidth <= box.clientWidth + 1"), name
    page.close()


def test_the_search_finds(site: Path, browser):
    page = browser.new_page()
    page.goto(f"file://{site}/search.html?q=surrogate")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() > 3
    page.close()
