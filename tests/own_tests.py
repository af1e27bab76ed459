"""The test file of each module, and whether it runs that module: ``python tests/own_tests.py``, after ``make test``.

The bound on the whole says that each line is run by some test. This one says that a module's own test file runs at
least ``LEAST`` per cent of the lines inside its functions, so that a module's tests are found where its name is.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from coverage import Coverage

import streamfsm

LEAST = 80
ROOT = Path(streamfsm.__file__).parent
# A package's own file holds names only.
MODULES = sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.rglob("*.py"))
MODULES = [module for module in MODULES if not module.endswith("__init__")]
# The test file of a module that has none of its own name.
TESTED_IN = {
    "__main__": "cli",
    "cli/arguments": "cli",
    "core/meter": "bounds",
    "cli/commands": "cli",
    "cli/diagram": "cli",
    "cli/files": "cli",
    "cli/fuzz": "cli",
    "cli/progress": "cli",
    "cli/record": "relay",
    "cli/replay": "cli",
    "cli/serve": "server",
    "cli/terminal": "cli",
    "cli/verify": "verdicts",
    "client/call_messages": "facade",
    "client/content": "facade",
    "client/counting": "interface",
    "conform/cases": "conform",
    "conform/composing": "conformance",
    "conform/cuts": "conform",
    "conform/fuzzing": "conform_fuzzing",
    "conform/facts": "conform",
    "conform/judge": "conform",
    "conform/program": "conform",
    "conform/reports": "conform",
    "conform/runner": "conform",
    "client/deadlines": "lifecycle",
    "client/conventions": "telemetry",
    "client/log": "interface",
    "client/observer": "reading",
    "client/overflow": "facade",
    "client/statistics": "facade",
    "client/stream": "lifecycle",
    "client/waiting": "reading",
    "core/calls": "identity",
    "core/events": "reader",
    "core/call_reader": "identity",
    "core/captured": "channels",
    "core/trie": "channels",
    "core/judge": "endings",
    "core/keeper": "kept",
    "core/policies": "dialect",
    "core/run": "snapshot",
    "core/response": "parser",
    "core/tags": "think_tags",
    "machines/__main__": "machine_checks",
    "machines/checks": "machine_checks",
    "machines/declaration": "table",
    "machines/emission": "paths",
    "machines/proofs": "table",
    "machines/stream": "paths",
    "machines/text": "paths",
    "resume/log": "resume",
    "resume/redis_log": "resume",
    "sinks/anthropic": "anthropic_events",
    "sinks/chat": "grammar",
    "sinks/grammars": "grammar",
    "sinks/responses": "responses_events",
    "testing/reports": "testing_laws",
    "wires/chat/calls": "reader",
    "wires/chat/left_out": "leaves",
    "wires/responses/events": "responses_table",
    "wires/responses/left_out": "responses_leaves",
    "wires/responses/reader": "responses_reader",
    "wires/responses/unfinished": "responses_reader",
    "wires/chat/fields": "reader",
    "wires/chat/structure": "details",
    "wires/checked": "reader",
    "wires/source": "reader",
}


def own_tests(module: str) -> set[str]:
    """The names of the test files that are a module's own."""
    name = TESTED_IN.get(module, module.rpartition("/")[2])
    return {f"test_{name}"} | ({f"test_testing_{name}"} if module.startswith("testing/") else set())


def inside_functions(source: str) -> set[int]:
    """The numbers of the lines that calls run: the others are run by an import."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {line for node in functions for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


def shares(coverage: Coverage) -> Iterator[tuple[str, float, list[int]]]:
    """Of each module: its name, the share that its own tests run in per cent, and the lines that they do not run."""
    data = coverage.get_data()
    for module in MODULES:
        path = ROOT / f"{module}.py"
        lines = inside_functions(path.read_text(encoding="utf-8")).intersection(coverage.analysis2(str(path))[1])
        ran = data.contexts_by_lineno(str(path))
        missing = sorted(line for line in lines if own_tests(module).isdisjoint(ran.get(line, ())))
        yield module, 100 - 100 * len(missing) / len(lines) if lines else 100.0, missing


def main() -> int:
    coverage = Coverage()
    coverage.load()
    found = [(module, share, missing) for module, share, missing in shares(coverage) if share < LEAST]
    for module, share, missing in sorted(found, key=lambda one: one[1]):
        names = " and ".join(sorted(own_tests(module)))
        sys.stdout.write(f"{module}: its own tests, {names}, run {share:.0f} %; not {missing}\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
