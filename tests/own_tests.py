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
# The test files of a module that has none of its own name, or whose subjects have files of their own.
TESTED_IN = {
    "__main__": "cli",
    "cli/arguments": "cli",
    "cli/commands": "cli",
    "cli/conform": "conform conform_fuzzing",
    "cli/diagram": "cli",
    "cli/files": "cli",
    "cli/fuzz": "cli",
    "cli/options": "cli",
    "cli/progress": "cli",
    "cli/record": "relay",
    "cli/replay": "cli",
    "cli/serve": "server",
    "cli/terminal": "cli",
    "cli/trace": "cli",
    "cli/verify": "verdicts",
    "client/call_messages": "facade",
    "client/content": "facade",
    "client/conventions": "telemetry",
    "client/counting": "interface",
    "client/deadlines": "lifecycle",
    "client/interface": "interface facade",
    "client/log": "interface",
    "client/observer": "reading interface",
    "client/overflow": "facade",
    "client/statistics": "facade",
    "client/stream": "lifecycle interface",
    "client/waiting": "reading",
    "conform/cases": "conform",
    "conform/composing": "conformance",
    "conform/cuts": "conform",
    "conform/facts": "conform",
    "conform/fuzzing": "conform_fuzzing",
    "conform/judge": "conform",
    "conform/program": "conform",
    "conform/reports": "conform",
    "conform/runner": "conform",
    "core/anomalies": "anomalies kept",
    "core/buffer": "buffer passing repeats",
    "core/call_reader": "identity quirks",
    "core/calls": "identity",
    "core/captured": "channels spoken passing",
    "core/events": "reader cumulative",
    "core/extras": "extras leaves",
    "core/judge": "endings seals",
    "core/keeper": "kept",
    "core/lanes": "lanes arguments think_tags repeats cumulative quirks passing",
    "core/meter": "bounds",
    "core/policies": "dialect finish_words",
    "core/response": "parser identity endings limits quirks passing",
    "core/run": "snapshot sinks",
    "core/scanner": "scanner spans skimming",
    "core/tags": "think_tags",
    "core/text": "text repeats",
    "core/trie": "channels",
    "core/writer": "writer boundaries",
    "errors": "errors what_goes_back agent",
    "machines/__main__": "machine_checks",
    "machines/checks": "machine_checks",
    "machines/declaration": "table",
    "machines/emission": "machine_checks",
    "machines/proofs": "table",
    "machines/rules": "names identity items choices",
    "machines/stream": "paths",
    "machines/table": "table diagrams",
    "machines/text": "paths",
    "machines/tool_call": "tool_call machine_checks",
    "messages": "messages channels",
    "parser": "parser body_shapes snapshot",
    "replay/capture": "capture cli",
    "result": "result what_goes_back",
    "resume/log": "resume",
    "resume/redis_log": "resume",
    "sinks/anthropic": "anthropic_events",
    "sinks/chat": "grammar",
    "sinks/grammars": "grammar",
    "sinks/responses": "responses_events",
    "sinks/sse": "sink",
    "testing/reports": "testing_laws testing_streams",
    "trace": "live_trace",
    "wires/chat/calls": "reader leaves",
    "wires/chat/fields": "reader",
    "wires/chat/left_out": "leaves",
    "wires/chat/structure": "details leaves",
    "wires/checked": "reader",
    "wires/responses/events": "responses_table responses_reader",
    "wires/responses/items": "items responses_reader",
    "wires/responses/left_out": "responses_leaves",
    "wires/responses/reader": "responses_reader",
    "wires/responses/unfinished": "responses_reader",
    "wires/source": "reader",
}


def own_tests(module: str) -> set[str]:
    """The names of the test files that are a module's own."""
    names = TESTED_IN.get(module, module.rpartition("/")[2]).split()
    return {f"test_{name}" for name in names} | {f"test_testing_{name}" for name in names if "testing/" in module}


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
        own = {*own_tests(module), ""}  # "": as a module is imported, such as those of tables
        missing = sorted(line for line in lines if own.isdisjoint(ran.get(line, ())))
        yield module, 100 - 100 * len(missing) / len(lines) if lines else 100.0, missing


def main() -> int:
    coverage = Coverage()
    coverage.load()
    if not coverage.get_data().measured_contexts() - {""}:
        sys.stdout.write("no test was measured: run `make test` first\n")
        return 2
    found = [(module, share, missing) for module, share, missing in shares(coverage) if share < LEAST]
    for module, share, missing in sorted(found, key=lambda one: one[1]):
        names = " and ".join(sorted(own_tests(module)))
        sys.stdout.write(f"{module}: its own tests, {names}, run {share:.0f} %; not {missing}\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
