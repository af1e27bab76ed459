"""Libraries that are broken on purpose: our tests must fail on them.

``python tests/mutants.py`` makes two kinds of mutants that a general tool does not. Each property of ``test_laws.py``,
of channels and of seals is run in a copy of the project with one change that breaks it. And each row and state of each
table is changed in every way, for which a check of the tables or a test that has never seen them must fail.
``--write`` also writes the table of ``docs/mutants.md``.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import test_paths
import test_quirks
from mutating import replaced
from rows import REACH

from streamfsm.errors import IllegalTransition, TableError
from streamfsm.machines import ENDINGS, MACHINES, StateMachine, Table
from streamfsm.machines.checks import MOMENTARY, findings
from streamfsm.machines.emission import Emission
from streamfsm.testing.runs import Overrun, limit

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "mutants.md"
START, END = "<!-- laws: by tests/mutants.py --write -->", "<!-- end of laws -->"


class Mutant(NamedTuple):
    """One change, and the property that must fail on it."""

    law: int
    property: str
    """Its test, without ``test_``: of ``test_laws.py``, or, as ``builder/monotone``, of ``test_builder.py``."""
    file: str
    old: str
    """An expression or statements that the file has once; see :func:`mutating.replaced`."""
    new: str
    because: str

    def source(self) -> str:
        """The file, changed."""
        text = (ROOT / "streamfsm" / self.file).read_text(encoding="utf-8")
        try:
            return replaced(text, self.old, self.new)
        except LookupError as error:
            raise LookupError(f"{self.property} (law {self.law}, {self.because}): in {self.file}, {error}") from None


MUTANTS = (
    Mutant(1, "split_merge_invariance", "core/scanner.py",
           'text, self._tail = self._tail + text, ""', 'self._tail = ""',
           "the beginning of a cut escape is lost"),
    Mutant(1, "split_merge_invariance_exhaustively", "core/scanner.py",
           "self._sift(text, end, to)\nself._base += end", "self._sift(text, end, to)\nself._base = end",
           "offsets count from the last cut"),
    Mutant(1, "split_merge_invariance_of_think_tags_exhaustively", "core/lanes.py",
           "text, at = self._prefix + text, 0", "at = self._emit(self._prefix, outlet) or 0",
           "a cut tag is text"),
    Mutant(2, "nothing_lost_nothing_invented", "core/scanner.py",
           "self._comma = self._comma and bool(self._keys)", "self._comma = False",
           "a comma leaves with the wrong member"),
    Mutant(2, "nothing_lost_nothing_invented_and_commas_leave_with_captured_members", "core/scanner.py",
           'held = held[held.find(",") + 1 :]', 'held = held[held.find(",") :]',
           "the comma of a captured member stays"),
    Mutant(2, "nothing_lost_nothing_invented_in_the_message_tool", "core/lanes.py",
           "not speech", "True",
           "other members of the message tool are streamed"),
    Mutant(2, "nothing_lost_nothing_invented_byte_for_byte_where_nothing_is_captured", "core/scanner.py",
           'self._release(to)\nself._sink = "report"\nreturn at',
           'self._release(to)\nself._sink = "drop"\nreturn at',
           "what follows an error is lost"),
    Mutant(2, "nothing_lost_nothing_invented_in_plain_text", "core/lanes.py",
           'self._emit(self._prefix + "\\ufffd" * len(self.half), outlet)', "self._emit(self._prefix, outlet)",
           "half a pair at the end is lost"),
    Mutant(2, "passing/chat_says_the_same", "core/lanes.py",
           "self.arguments, scanner.alone = Passing(text), True", "self.arguments, scanner.alone = Passing(), True",
           "arguments that have gone have no size"),
    Mutant(2, "passing/policies_that_compare_texts_say_the_same", "core/response.py",
           "self.options.keep or self._lane_policies[field].repeated", "self.options.keep",
           "a text that may come again has gone"),
    Mutant(1, "testing_induction/every_chunking_of_arguments", "core/scanner.py",
           'text, self._tail = self._tail + text, ""', 'self._tail = ""',
           "the beginning of a cut escape is lost"),
    Mutant(3, "append_only", "core/writer.py",
           "numbering.ordinal += 1", "numbering.ordinal += 0",
           "all runs have one otid"),
    Mutant(4, "promptness", "core/writer.py",
           "messages, self._messages = self._messages, []",
           "messages, self._messages = self._messages[:-1], self._messages[-1:]",
           "the latest message waits for the next chunk"),
    Mutant(4, "promptness_of_think_tags", "core/text.py",
           "text.endswith(tag[:length])", "tag[0] in text[-length:]",
           "text after the first character of a tag waits"),
    Mutant(5, "output_grammar", "core/writer.py",
           "place = lane.label", "place = ''",
           "two calls share an otid"),
    Mutant(5, "output_grammar_otids_never_run_out", "messages.py",
           "ordinal < _OTIDS_IN_ID", "(ordinal := ordinal % _OTIDS_IN_ID)",
           "otids start again after 128"),
    Mutant(6, "total", "wires/chat/reader.py",
           'to.take(AnomalyReport("not_a_chunk", show(chunk), None))\nreturn False',
           'to.take(AnomalyReport("not_a_chunk", show(chunk), None))',
           "what is no chunk is read on"),
    Mutant(6, "total_every_pair_is_declared_legal_or_illegal", "machines/engine.py",
           "(MachineError, KeyError)", "MachineError",
           "an unknown event is no illegal transition"),
    Mutant(7, "linear", "core/scanner.py",
           "key in self._keys", "any(key == other for other in self._keys)",
           "a key is compared with all before it"),
    Mutant(7, "linear_memory_is_what_the_result_keeps", "core/scanner.py",
           "self._base += len(text)",
           "self._base += len(text)\nself._held.append(text)",
           "text is kept after it was reported"),
    Mutant(8, "auditable", "core/writer.py",
           "row.emits is not None", "True",
           "a row that emits nothing claims a message"),
    Mutant(9, "isolated", "core/scanner.py",
           "_keys: dict[str, None] = field(default_factory=dict)",
           "_keys: dict[str, None] = field(default_factory=lambda shared={}: shared)",
           "all streams share the keys seen"),
    Mutant(9, "isolated_in_threads", "core/scanner.py",
           "_keys: dict[str, None] = field(default_factory=dict)",
           "_keys: dict[str, None] = field(default_factory=lambda shared={}: shared)",
           "all streams share the keys seen"),
    Mutant(9, "isolated_tables_are_immutable", "machines/declaration.py",
           "return MappingProxyType({(row.state, row.event): row for row in self.expanded()})",
           "return {(row.state, row.event): row for row in self.expanded()}",
           "anyone may change a row"),
    Mutant(10, "executable_is_a_fact", "parser.py",
           "ready and bool(call.name) and verdict in WHOLE", "bool(call.name) and verdict in WHOLE",
           "whole JSON is ready, however the stream ended"),
    Mutant(10, "executable_is_a_fact_however_often_the_stream_finishes", "machines/endings.py",
           "new.rank > kept.rank", "new.rank < kept.rank",
           "the weaker finish reason counts"),
    Mutant(2, "responses_laws/a_delta_that_goes_the_way_of_the_latest_one_is_read_as_any_other",
           "wires/responses/reader.py",
           "route, self.route = self.route, None", "route = self.route",
           "the way of a delta is kept while other events come"),
    Mutant(1, "channels/split_merge_invariance_of_channels", "core/scanner.py",
           'text, self._tail = self._tail + text, ""', 'self._tail = ""',
           "the beginning of a cut escape is lost"),
    Mutant(1, "channels/a_parser_stored_in_the_middle_of_a_captured_value_goes_on", "core/lanes.py",
           "lane.machine.advance(lane, event)", "None",
           "arguments that are read again change no state"),
    Mutant(1, "stored_calls/a_parser_stored_in_the_middle_of_a_call_goes_on", "core/lanes.py",
           "self.replay(text, channels, _Replayed(), ended=over)",
           "self.replay(text[:-1], channels, _Replayed(), ended=over)",
           "the last character of stored arguments is not read again"),
    Mutant(2, "channels/nothing_lost_nothing_invented_by_channels", "core/scanner.py",
           "self._start = at - (not self.trie.takings[self._channel].moves)", "self._start = at",
           "the last quote of a captured string leaves the raw text"),
    Mutant(3, "channels/append_only_output_grammar_and_auditable_of_channels", "core/writer.py",
           "numbering.ordinal += 1", "numbering.ordinal += 0",
           "all runs have one otid"),
    Mutant(4, "channels/promptness_of_channels", "core/writer.py",
           "messages, self._messages = self._messages, []",
           "messages, self._messages = self._messages[:-1], self._messages[-1:]",
           "the latest message waits for the next chunk"),
    Mutant(1, "spans/split_merge_invariance_of_spans", "core/scanner.py",
           'text.startswith(("}", "]"), end)', "False",
           "after the last member of a span comes another"),
    Mutant(1, "spans/any_character_in_any_place_is_judged_in_spans_as_in_steps", "core/spans.py",
           r"""_PLAIN = r'[^"\\\x00-\x1f]{0,255}'""", r"""_PLAIN = r'[^"\\]{0,255}'""",
           "control characters in a string are no leniency"),
    Mutant(2, "spans/nothing_that_a_channel_takes_is_in_a_span", "core/scanner.py",
           "len(self._stack) <= self._depth", "len(self._stack) < self._depth",
           "members that channels may take are read at once"),
    Mutant(2, "spans/whatever_a_span_holds_is_json", "core/spans.py",
           r"""_NUMBER = r'-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?'""",
           r"""_NUMBER = r'-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?'""",
           "a number may begin with zeros"),
    Mutant(1, "builder/split_invariance_of_what_is_built", "core/scanner.py",
           'text, self._tail = self._tail + text, ""', 'self._tail = ""',
           "the beginning of a cut escape is lost"),
    Mutant(2, "builder/patches_compose", "builder.py",
           'self._set(self._path, "".join(self._pieces))', "self._set(self._path, self._pieces[-1])",
           "only the last piece of a string is kept"),
    Mutant(2, "builder/patches_of_several_channels_compose_too", "core/trie.py",
           'draft["takes"] < 0', 'draft["takes"] >= 0',
           "leaves below are not taken"),
    Mutant(3, "builder/monotone", "builder.py",
           'self._pieces[:] = ["".join(self._pieces)]', "self._pieces[:] = self._pieces[-1:]",
           "a look at a string loses what came before"),
    Mutant(3, "partial/a_partial_model_is_monotone_and_ends_as_the_whole", "partial.py",
           "isinstance(value, OpenText | OpenDict | OpenList)", "isinstance(value, OpenDict | OpenList)",
           "a text that is not whole is validated"),
    Mutant(1, "seals/split_merge_invariance_of_seals", "core/scanner.py",
           'text, self._tail = self._tail + text, ""', 'self._tail = ""',
           "the beginning of a cut escape is lost"),
    Mutant(10, "seals/what_is_sealed_and_not_revoked_is_ready_whatever_a_server_sends", "core/response.py",
           'self.writer.boundary(lane, "revoked", why)', "None",
           "the end revokes nothing"),
    Mutant(10, "seals/no_call_stays_sealed_after_the_chunk_that_puts_it_in_doubt", "core/response.py",
           "lane.unseal(self.writer)", "None",
           "arguments that went astray revoke nothing"),
)  # fmt: skip


def fails(mutant: Mutant | None, *names: str) -> bool:
    """Whether these properties fail in a copy of the project, changed by ``mutant``; an error is no failure."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        for part in ("streamfsm", "tests", "docs"):
            shutil.copytree(
                ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis", "node_modules")
            )
        for part in ("pyproject.toml", "_streamfsm_pytest.py"):
            shutil.copy(ROOT / part, copy / part)
        if mutant:
            (copy / "streamfsm" / mutant.file).write_text(mutant.source(), encoding="utf-8")
        places = [name.rpartition("/") for name in names]
        tests = [f"tests/test_{file or 'laws'}.py::test_{name}" for file, _, name in places]
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]  # -m: the copy comes first
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode not in (0, 1):
        raise RuntimeError(run.stdout + run.stderr)
    return run.returncode == 1


def table() -> str:
    """The mutants as Markdown."""
    lines = ["| law | property | file | mutant |", "|---|---|---|---|"]
    lines += [f"| {each.law} | `{each.property}` | `{each.file}` | {each.because} |" for each in MUTANTS]
    return "\n".join(lines)


# -- rows --------------------------------------------------------------------------------------------------------------

# Changes of a table that change nothing: a field's first text leaves ``awaiting_text`` at once, and ``undecided`` is
# decided before the end, so that no stream ends there; and no lane is sent text in a state that emits none.
EQUIVALENT = {
    *(f"{lane}: {event} in {state} emits {Emission.ANSWER.label}" for lane, state in MOMENTARY for event in ENDINGS),
    *(
        f"{place} emits {emission.label} for text"
        for place in (
            "stream: silent",
            "stream: heard",
            "text: awaiting_text",
            "tool_call: awaiting_name",
            "tool_call: between_members",
        )
        for emission in (Emission.ANSWER, Emission.REASONING, Emission.THOUGHTS, Emission.TOOL_ARGUMENTS)
    ),
}


def changed(table: Table) -> Iterator[tuple[str, Callable[[], Table]]]:
    """Every change of one row or state: a row away, to another state, with or without a message; text as another."""
    rows = tuple(table.expanded())
    for at, row in enumerate(rows):
        name = f"{table.name}: {row.event} in {row.state}"
        emits = None if row.emits else Emission.ANSWER
        others = {f"{name} leads to {to.name}": row._replace(target=to.name) for to in table.states}
        others[f"{name} emits {emits and emits.label}"] = row._replace(emits=emits)
        yield f"{name} is illegal", partial(replace, table, rows=rows[:at] + rows[at + 1 :])
        for change, other in others.items():
            if other != row:
                yield change, partial(replace, table, rows=(*rows[:at], other, *rows[at + 1 :]))
    for at, state in enumerate(table.states):
        for text in (None, Emission.ANSWER, Emission.REASONING, Emission.THOUGHTS, Emission.TOOL_ARGUMENTS):
            if text != state.text:
                states = (*table.states[:at], state._replace(text=text), *table.states[at + 1 :])
                change = f"{table.name}: {state.name} emits {text and text.label} for text"
                yield change, partial(replace, table, states=states)


def cases() -> Iterator[Callable[[], None]]:
    """Tests that have never seen a table."""
    yield from (partial(test_paths.test_a_call_goes_this_way, *case) for case in test_paths.CALLS)
    yield from (partial(test_paths.test_a_text_goes_this_way, *case) for case in test_paths.TEXTS)
    yield from (partial(test_paths.test_content_with_tags_goes_this_way, *case) for case in test_paths.TAGGED)
    yield test_paths.test_a_thought_that_the_wire_keeps_goes_this_way
    yield test_paths.test_a_model_that_hides_its_thoughts_is_announced_once
    yield from (
        partial(test_paths.test_thoughts_say_whether_they_came_in_a_call_or_from_the_model, *case)
        for case in test_paths.SOURCES
    )
    for place, ending in product(REACH, test_paths.ENDS):
        yield partial(test_paths.test_wherever_a_stream_ends_only_its_stop_reason_says_so, place, *ending)
    yield from (partial(test_quirks.test_a_quirk_is_read_as_its_document_says, name) for name in test_quirks.SECTIONS)


def killer(machine: StateMachine, make: Callable[[], Table]) -> str | None:
    """Who notices that ``machine`` runs another table: its ``declaration``, the ``checks``, the ``tests`` or nobody."""
    try:
        other = StateMachine(make())
    except TableError:
        return "declaration"
    if any(finding.problems for finding in findings(other)):
        return "checks"
    kept = dict(vars(machine))
    vars(machine).update(vars(other))  # all lanes share the machine
    try:
        return "tests" if noticed_by_tests() else None
    finally:
        vars(machine).clear()
        vars(machine).update(kept)


def noticed_by_tests() -> bool:
    """Whether a case fails with the tables as they are now, or does not end."""
    try:
        with limit(10):  # a row that leads back to its own state can make a loop of the scanner endless
            for case in cases():
                case()
    except (AssertionError, AttributeError, IllegalTransition, ValueError, Overrun):  # also: text in a wrong lane
        return True
    return False


def wrong_rows() -> bool:
    """Print who noticed how many changes of the tables; return whether somebody noticed all that matter."""
    if noticed_by_tests():
        sys.stdout.write("a test fails without a change\n")
        return False
    found = {name: killer(machine, make) for machine in MACHINES for name, make in changed(machine.table)}
    noticed = [by for by in found.values() if by]
    counts = ", ".join(f"{noticed.count(by)} by the {by}" for by in ("declaration", "checks", "tests"))
    survivors = {name for name, by in found.items() if by is None}
    sys.stdout.write(f"{len(found)} wrong rows and states: {counts}, {len(survivors & EQUIVALENT)} are equivalent\n")
    sys.stdout.writelines(f"HOLDS  {name}\n" for name in sorted(survivors - EQUIVALENT))
    return survivors <= EQUIVALENT


# -- laws --------------------------------------------------------------------------------------------------------------


def broken_laws() -> bool:
    """Print a line a property; return whether each holds without a mutant, and fails on its own."""
    if fails(None, *(mutant.property for mutant in MUTANTS)):
        sys.stdout.write("a property fails without a mutant\n")
        return False
    survived = 0
    with ThreadPoolExecutor(2) as pool:
        for mutant, killed in zip(MUTANTS, pool.map(lambda each: fails(each, each.property), MUTANTS), strict=True):
            survived += not killed
            sys.stdout.write(f"{'fails' if killed else 'HOLDS':5}  {mutant.property}: {mutant.because}\n")
            sys.stdout.flush()
    return not survived


def main() -> int:
    """Return 1 if a mutant survived that should not."""
    parser = argparse.ArgumentParser(description="Break the tables and the library, and see a test fail for each.")
    parser.add_argument("--write", action="store_true", help="also write the table of docs/mutants.md")
    if parser.parse_args().write:
        page = PAGE.read_text(encoding="utf-8")
        parts = re.escape(START) + ".*?" + re.escape(END)
        written = f"{START}\n\n{table()}\n\n{END}"
        PAGE.write_text(re.sub(parts, lambda _: written, page, flags=re.DOTALL), encoding="utf-8")
    return int(not all([wrong_rows(), broken_laws()]))


if __name__ == "__main__":
    sys.exit(main())
