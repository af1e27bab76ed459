"""The documentation is what the code says, its examples run, and what it names exists."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import call_chunks

from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

ROOT = Path(__file__).parents[1]
GENERATED = [
    "docs/machines/stream.md",
    "docs/machines/text.md",
    "docs/machines/tool_call.md",
    "docs/endings.md",
    "docs/identity.md",
    "docs/limits.md",
    "docs/walk.md",
    "docs/walkthrough.md",
    "README.md",
]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

WHERE_INSTALLING_IS_SAID = ("streamfsm", "docs", "examples", "benchmarks", "conformance", "fuzz", "tests")
TEXTS = (".md", ".py", ".rst", ".txt", ".toml", ".cff", ".html", ".ts", ".js", ".mjs")
INSTALLS = re.compile(
    r"\b(?:pip3? install|uv add|uv pip install|uvx|pipx (?:run|install)) [^\n#;`]*?(?<![\w/.-])streamfsm\b"
)


# -- generated text ----------------------------------------------------------------------------------------------------


def generate(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``docs/generate.py`` of the tree at ``root``."""
    command = [sys.executable, "-W", "error", "-X", "utf8", str(root / "docs" / "generate.py"), *options]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - our own code


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what is generated, and of what generates it."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "tests").mkdir()
    for name in ("helpers.py", "response_events.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    return tmp_path


@pytest.mark.slow("all documents are made")
def test_generated_text_is_what_the_code_says():
    check = generate(ROOT, "--check")
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


@pytest.mark.slow("all documents are made")
def test_a_check_names_what_is_stale_shows_how_and_changes_nothing(copied: Path):
    for name in GENERATED:
        (copied / name).write_text("stale\n<!-- generated: tool_call -->\n<!-- end -->\n", encoding="utf-8")
    (copied / GENERATED[0]).unlink()
    check = generate(copied, "--check")
    assert check.returncode == 1
    assert re.findall(r"^(\S+) is stale; run: make docs$", check.stdout, re.MULTILINE) == GENERATED
    assert "\n--- docs/machines/text.md\n+++ generated\n@@ " in check.stdout
    assert "\n-stale\n" in check.stdout
    assert "\n+<!-- Written by docs/generate.py. -->\n" in check.stdout
    assert not (copied / GENERATED[0]).exists()
    assert all((copied / name).read_text(encoding="utf-8").startswith("stale\n") for name in GENERATED[1:])


@pytest.mark.slow("all documents are written")
def test_generating_writes_what_is_stale_and_nothing_else(copied: Path):
    (copied / GENERATED[0]).unlink()
    readme = (copied / "README.md").read_text(encoding="utf-8")
    (copied / "README.md").write_text(readme.replace("awaiting_name_ -->", "changed -->"), encoding="utf-8")
    assert generate(copied).stdout == f"wrote {GENERATED[0]}\nwrote README.md\n"
    for name in GENERATED:
        assert (copied / name).read_bytes() == (ROOT / name).read_bytes()
    assert generate(copied).stdout == ""


@pytest.mark.slow("all documents are made")
def test_a_block_that_nothing_generates_is_an_error(copied: Path):
    with (copied / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("<!-- generated: nothing -->\n<!-- end -->\n")
    assert "KeyError: 'nothing'" in generate(copied, "--check").stderr


# -- examples ----------------------------------------------------------------------------------------------------------

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", README, re.DOTALL)
SPEECH = call_chunks("send_message", ['{"thinking":"A gree', 'ting.","message":"Say \\', '"hi\\""}'])


def answer(_: dict[str, Any]) -> list[bytes]:
    return [capture.body(SPEECH).encode()]


def printed(code: str) -> str:
    """What ``code`` prints, with a server on loopback as the one that ``openai`` finds in its environment."""
    with serve(answer) as url, pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("OPENAI_BASE_URL", url)
        patch.setenv("OPENAI_API_KEY", "none")
        patch.setenv("NO_PROXY", "127.0.0.1")
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own code
    return out.getvalue()


def test_the_readme_has_an_example_of_each_way_in():
    assert [("StreamParser(" in code, "OpenAIStreamingInterface(" in code) for code, _ in BLOCKS] == [
        (True, False),
        (False, True),
    ]


def test_the_first_example_of_the_readme_prints_what_it_says():
    code, expected = BLOCKS[0]
    assert printed(code) == expected != ""


def test_the_example_with_the_openai_client_runs():
    assert printed(BLOCKS[1][0]).splitlines() == [
        "thinks A gree",
        "thinks ting.",
        "says Say ",
        'says "hi"',
        "send_message valid True",
    ]


# -- names -------------------------------------------------------------------------------------------------------------


@EACH_PAGE
def test_every_relative_link_leads_somewhere(page: Path):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link.partition("#")[0]).exists(), link


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page; the built site takes them too."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@EACH_PAGE
def test_every_anchor_is_a_heading_s(page: Path):
    for link in re.findall(r"\]\(([^)\s:]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if anchor:
            assert anchor in anchors(page.parent / path if path else page), link


@EACH_PAGE
def test_every_file_that_is_named_is_there(page: Path):
    named = re.findall(r"`((?:streamfsm|tests|docs|examples|benchmarks)/[\w./-]*)", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@EACH_PAGE
def test_every_test_that_is_named_is_there(page: Path):
    for file, test in re.findall(r"(tests/\w+\.py)::(\w+)", page.read_text(encoding="utf-8")):
        assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8")


@EACH_PAGE
def test_every_make_target_that_is_named_is_there(page: Path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`|[a-z=] )make (?:[A-Z]+=\S+ )?([a-z]+)(?:`|  )", page.read_text(encoding="utf-8")):
        assert f"\n{target}:" in makefile


def test_nothing_says_to_install_the_package_from_an_index():
    """The name is the project's only once there is a release."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)", changes, re.MULTILINE) == ["Unreleased"], "there is a release: remove this test"
    files = [
        *(path for folder in WHERE_INSTALLING_IS_SAID for path in (ROOT / folder).rglob("*")),
        *(path for path in ROOT.iterdir() if path.suffix in (".md", ".py", ".toml", ".cff")),
    ]
    texts = [path for path in files if path.is_file() and path.suffix in TEXTS and "node_modules" not in path.parts]
    assert [str(path) for path in texts if INSTALLS.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("extra", ["", "[otel]"])
@pytest.mark.parametrize("command", ["pip install", "pip install -U 'ray[data]'", "uv add", "uvx --from", "pipx run"])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_command_that_installs_from_an_index_is_found(command: str, quote: str, extra: str):
    assert INSTALLS.search(f"{command} {quote}streamfsm{extra}{quote} starlette")
    assert not INSTALLS.search(f"{command} {quote}.{extra}{quote} starlette\npython -m streamfsm")


def test_every_law_is_told_with_its_test():
    laws = re.split(r"^## ", (ROOT / "docs" / "laws.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(laws) == 10
    for number, law in enumerate(laws, 1):
        title, _, text = law.partition("\n")
        test = "test_" + re.sub(r"\W+", "_", title.removeprefix(f"{number}. ").lower())
        assert f"`tests/test_laws.py::{test}" in text


def test_every_test_of_a_law_is_told():
    tests = re.findall(
        r"^def (test_\w+)\(", (ROOT / "tests" / "test_laws.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    laws = (ROOT / "docs" / "laws.md").read_text(encoding="utf-8")
    assert [test for test in tests if f"::{test}`" not in laws] == []


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    links = re.findall(r"\]\(([^)\s]+)\)", index.read_text(encoding="utf-8"))
    assert {(index.parent / link).resolve() for link in links} >= set((ROOT / "docs").rglob("*.md")) - {index}
