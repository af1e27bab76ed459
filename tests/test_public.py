"""What the package shows, what importing it costs, and that no module goes without its tests."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from own_tests import MODULES, TESTED_IN, own_tests

import streamfsm

ROOT = Path(streamfsm.__file__).parent
# The public names: messages and what reads them, what a user's code must name of results, traces and errors.
NAMES = [
    "StreamParser",
    "OpenAIStreamingInterface",
    "coalesce",
    "Limits",
    "Dialect",
    "StreamMessage",
    "ReasoningMessage",
    "HiddenReasoningMessage",
    "AssistantMessage",
    "ApprovalRequestMessage",
    "ArgumentMessage",
    "ArgumentsError",
    "ArgumentBuilder",
    "partial_objects",
    "Channel",
    "ToolCallMessage",
    "ToolCallRevoked",
    "ToolCallSealed",
    "ToolCallDelta",
    "StopReason",
    "StopReasonType",
    "ToolCall",
    "FunctionCall",
    "TextContent",
    "ReasoningContent",
    "OmittedReasoningContent",
    "Coalescer",
    "aiter_messages",
    "iter_messages",
    "StreamResult",
    "ParsedCall",
    "Usage",
    "Anomaly",
    "RunStarted",
    "RunEnded",
    "CallClosed",
    "TraceLog",
    "Transition",
    "StreamError",
    "StreamTimeout",
    "MisuseError",
    "ThinkTags",
    "record",
]


def test_the_public_names_are_the_documented_ones():
    assert sorted(streamfsm.__all__) == sorted(NAMES)
    assert len(set(streamfsm.__all__)) == len(streamfsm.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_says_what_it_is(name):
    assert name in dir(streamfsm)
    value = getattr(streamfsm, name)
    assert name == "StreamMessage" or value.__doc__


def test_the_version_is_the_projects():
    assert "__version__" in dir(streamfsm)
    assert f'version = "{streamfsm.__version__}"' in (ROOT.parent / "pyproject.toml").read_text(encoding="utf-8")


def test_nothing_else_is_there():
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        streamfsm.nothing_of_the_kind  # noqa: B018 - the access is the test


HEAVY = ("openai", "tiktoken", "hypothesis", "rich", "httpx", "httpx2", "anyio")
HEAVY += ("letta_client", "jiter", "pytest", "opentelemetry")


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a new process has loaded after ``code``."""
    code = f"{code}; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert found.stderr == ""
    return set(found.stdout.split())


@pytest.mark.slow("a process for each name")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_loads_nothing_heavy(name):
    assert loaded_by(f"from streamfsm import {name}").isdisjoint(HEAVY)


def test_a_first_use_loads_nothing_heavy():
    use = "import streamfsm as s; p = s.StreamParser(); p.feed({}); p.feed_bytes(b'data: {}'); p.close(); p.result"
    assert loaded_by(use).isdisjoint({*HEAVY, "streamfsm.client.interface", "streamfsm.client.tokens"})


def test_importing_the_package_alone_loads_nothing_of_it():
    loaded = loaded_by("import streamfsm")
    assert loaded.isdisjoint({*HEAVY, "pydantic", "transitions"})
    assert [name for name in loaded if name.startswith("streamfsm")] == ["streamfsm"]


def test_every_name_is_the_one_that_a_type_checker_sees():
    tree = ast.parse(Path(streamfsm.__file__).read_text(encoding="utf-8"))
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module.startswith("streamfsm")
    ]
    seen = {name.name: getattr(import_module(node.module), name.name) for node in imports for name in node.names}
    assert seen == {name: getattr(streamfsm, name) for name in NAMES}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test_file(module):
    assert any((Path(__file__).parent / f"{name}.py").exists() for name in own_tests(module))


def test_no_file_name_begins_with_an_underscore():
    assert [path.stem for path in ROOT.rglob("_*.py") if not path.stem.startswith("__")] == []


def test_only_modules_without_a_test_file_of_their_name_are_listed():
    assert set(TESTED_IN) <= set(MODULES)
    files = {module: Path(__file__).parent / f"test_{Path(module).name}.py" for module in TESTED_IN}
    others = {
        module for module, file in files.items() if file.exists() and file.stem[5:] not in TESTED_IN[module].split()
    }
    whose = "such as test_text.py, which is of core/text, and test_trace.py, which is of the command"
    assert others == {
        *("cli/arguments", "cli/options", "cli/trace", "machines/text", "sinks/sse", "trace", "wires/responses/reader")
    }, whose


def test_a_model_is_built_when_it_is_first_used():
    code = (
        "from streamfsm import HiddenReasoningMessage as Model; built = Model.__pydantic_complete__;"
        "Model(id='m', date=0, state='omitted'); print(built, Model.__pydantic_complete__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert found.stdout.split() == ["False", "True"]
