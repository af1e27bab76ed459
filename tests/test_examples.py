"""The examples run, as a newcomer runs them, and say what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamfsm.replay import capture

EXAMPLES = Path(__file__).parents[1] / "examples"
CAPTURES = sorted((EXAMPLES / "captures").glob("*.sse"))


def example(name, *arguments):
    environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60)  # noqa: S603 - our own code
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.slow("a process that imports everything")
def test_the_agent_thinks_runs_its_tool_and_speaks():
    code, output = example("agent.py", "--no-delay")
    found = ["do swifts sleep: yes, on the wing", "A swift can stay in the air for ten months."]
    arguments = {"query": "do swifts sleep", "limit": 2}
    assert code == 0
    assert output.splitlines() == [
        "",
        "thinks: I had better look that up.",
        f"runs: search({arguments}) -> {found}",
        "",
        "thinks: That settles it.",
        "says: Yes, in the air: half a brain at a time. \U0001f426",
    ]


@pytest.mark.slow("a process that imports everything")
def test_the_editor_types_each_text_into_a_panel_of_its_own():
    code, output = example("editor.py", "--no-delay")
    assert code == 0
    titles = [line.strip("\u256d\u2500\u256e ") for line in output.splitlines() if line.startswith("\u256d")]
    assert titles == ["birds.py $.content", "main.py $.edits[0].new_text", "main.py $.edits[1].new_text"]
    assert 'return f"{bird}: \u266a"' in output
    assert "# \U0001f426" in output
    assert output.splitlines()[-1] == "ready: write_file, edit_file"


@pytest.mark.slow("a process that imports everything")
def test_the_form_fills_itself_and_is_whole_at_the_end():
    code, output = example("form.py", "--no-delay")
    *shown, whole = output.splitlines()
    assert code == 0
    assert shown[0] == "L | \u2026 | \u2026"
    assert shown[-1] == "L\u2019\u00c9toile | 2026-11-27 | Bo (fish), Al (beans)"
    assert len(set(shown)) > 10
    assert whole.startswith(
        "Booking(restaurant='L\u2019\u00c9toile', day=datetime.date(2026, 11, 27), guests=[Guest(name='Bo'"
    )


def test_the_agent_is_short_enough_to_copy():
    assert len((EXAMPLES / "agent.py").read_text(encoding="utf-8").splitlines()) <= 110


@pytest.mark.slow("a process that imports everything")
def test_the_demo_shows_every_capture_and_that_chunkings_agree():
    code, output = example("demo.py")
    assert code == 0
    headings = [line for line in output.splitlines() if line.startswith("━━ ")]
    assert {heading.strip("━ ").rpartition(": ")[2] for heading in headings[:-1]} == {path.name for path in CAPTURES}
    assert [line.split()[:2] for line in output.splitlines() if "once joined" in line] == [
        ["whole", "3"],
        ["char", "91"],
        ["random:7", "17"],
    ]
    assert max(map(len, output.splitlines())) <= 80


@pytest.mark.slow("a process that imports everything")
def test_the_demo_shows_the_raw_wire_beside_the_messages_and_plays_it_on_a_terminal():
    _, output = example("demo.py")
    row = next(line for line in output.splitlines() if "They wrote" in line)
    assert row.split() == ["name", "send_message", "thinks", *["They", "wrote", "in", "German.", "Greet", "in", "both"]]
    assert 'arguments {"│thinking│":"│They│' in output
    assert "save_note: incomplete, must not be run" in output
    code = "import demo; demo.time.sleep = lambda _: None; demo.play('A call', 'cut-by-length.sse', 1)"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80", "FORCE_COLOR": "1"}
    command = [sys.executable, "-c", code]
    played = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, encoding="utf-8", check=True)  # noqa: S603
    assert played.stdout.count("on the wire") > 10


def test_the_demo_fails_where_a_chunking_says_something_else():
    code = "import demo, pathlib; demo.replayed = lambda name, *options: list(options); demo.compare('x')"
    done = subprocess.run([sys.executable, "-c", code], cwd=EXAMPLES, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (1, "chunking whole says something else\n")


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_is_small_and_told_of_and_has_the_shape_of_the_wire(path):
    body = path.read_bytes().decode()
    assert path.stat().st_size < 8000
    assert f"| [{path.name}]({path.name}) |" in (path.parent / "README.md").read_text(encoding="utf-8")
    chunks = capture.chunks(body)
    assert len(chunks) > 10
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["created"] for chunk in chunks if "id" in chunk)
    assert [data for _, data in capture.events(body)][-1] == "[DONE]"
