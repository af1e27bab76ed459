"""The lexer's table is what the scanner reads by, and a call's state is a function of the scanner's."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from helpers import call, chunk
from hypothesis import example, given
from hypothesis import strategies as st
from scanning import read

from streamfsm import StreamParser
from streamfsm.core import scanner as module
from streamfsm.core.scanner import Scanner
from streamfsm.machines import LEXER, StateMachine
from streamfsm.machines.checks import findings
from streamfsm.machines.lexer import NEXT, Mode, after
from streamfsm.testing import arguments, damaged_arguments


def test_the_modes_that_a_type_checker_knows_are_those_of_the_table_and_of_the_scanner():
    modes = [state.name for state in LEXER.states]
    assert list(get_args(Mode)) == modes
    assert list(module._STEPS) == modes


@pytest.mark.slow("a type checker runs")
def test_a_misspelt_mode_is_a_type_error(tmp_path: Path):
    file = tmp_path / "misspelt.py"
    file.write_text(
        "from streamfsm.core.scanner import Scanner\nscanner = Scanner()\nscanner._mode = 'strign'\n", encoding="utf-8"
    )
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--follow-imports=silent", str(file)]
    found = subprocess.run(mypy, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert re.search(r"misspelt.py:3: error: Incompatible types in assignment", found.stdout), (
        found.stdout + found.stderr
    )


def test_what_is_proven_of_the_other_machines_is_proven_of_the_lexer():
    assert [finding.problems for finding in findings(StateMachine(LEXER))] == [[]] * 6


class Looked(dict[Any, Any]):
    """A dictionary that remembers which keys it was asked for and had."""

    def __init__(self, taken: set[tuple[str, str]], mode: str, targets: Any) -> None:
        super().__init__(targets)
        self.taken, self.mode = taken, mode

    def get(self, char, default=None):
        target = super().get(char, default)
        if target:
            self.taken.add((self.mode, target))
        return target


DOCUMENTS = (
    '{"a": {"b": [1, -0.5e+1, 10.25E-3, 0, 0e1, 2e3, 1e12, -12, 1.5]}, "c" : [ ], "d": {}}',
    '{"a":[[],{},"x",-1,0,true]}',
    '{"a":[null,false,{"b":"c"}]}',
    '{"a":["x"]}',
    '{"a":[{}]}',
    '{"a":[true]}',
    '{"a":[0]}',
    '{"a":[-1]}',
    '{"a":-1}',
    '{"a":[null]}',
    '{"a":{},"b":true}',
    " null ",
    " { } ",
)


def ends_of_runs() -> set[tuple[str, str]]:
    """Moves that no token of one character makes."""
    return {move for event in ("other", "ended", "last_letter", "free_text") for move in after(event).items()}


def test_every_move_of_a_token_is_made_by_some_document(monkeypatch: pytest.MonkeyPatch):
    taken: set[tuple[str, str]] = set()
    watched = [{mode: Looked(taken, mode, targets) for mode, targets in modes.items()} for modes in NEXT]
    monkeypatch.setattr(module, "NEXT", watched)
    for document in DOCUMENTS:
        scanner = Scanner()
        for char in (*document, None):  # in one piece, spans would be read, not tokens
            read(scanner, char)
        assert scanner.verdict in ("valid", "empty"), document
    in_runs = ("space", "zero", "digit")
    moves = {(row.state, row.target) for row in LEXER.rows if row.event not in in_runs or row.state != row.target}
    assert taken == moves - ends_of_runs()


@pytest.mark.parametrize("mode", after("other"))
def test_where_the_table_knows_an_error_the_scanner_breaks(mode: Mode):
    begin = {
        "start": "", "null": "n", "after_null": "null", "key_or_close": "{", "key": '{"a":1,', "colon": '{"a"',
        "value": '{"a":',
        "value_or_close": '{"a":[', "literal": '{"a":t', "minus": '{"a":-', "point": '{"a":1.', "exponent": '{"a":1e',
        "sign": '{"a":1e+', "after": '{"a":1 ', "closed": "{}",
    }[mode]  # fmt: skip
    scanner = Scanner()
    read(scanner, begin)
    assert scanner._mode == mode
    read(scanner, "\x00")
    assert scanner._mode == after("other")[mode] == "broken"


# -- a call's state is a function of its scanner's ---------------------------------------------------------------------


def state_of(scanner: Scanner | None) -> str:
    """The state of a call whose scanner is this one."""
    if scanner is None:
        return "awaiting_name"
    if scanner._mode == "broken":
        return "malformed" if scanner.raw else "spoken_verbatim"
    if scanner._mode == "closed":
        return "closed"
    if scanner._channel >= 0:
        opens = scanner.trie.takings[scanner._channel].opens
        return {"thoughts_open": "inner_thoughts", "message_open": "message_kwarg"}[opens]
    return "between_members" if scanner._resume or not scanner.raw else "raw_args"


@given(
    st.sampled_from(["send_message", "search"]),
    arguments() | damaged_arguments() | st.text('{}[]",:-0aeEtrun\\ .', max_size=12),
)
@example("send_message", '{"thinking":[1,{"a":2}],"message":null,"b":1} x')
@example("search", '{"a":1,"thinking":"x","b":{"thinking":2}}')
def test_a_calls_state_is_a_function_of_its_scanners_after_every_character(name: str, text: str):
    parser = StreamParser(inner_thoughts_kwarg=("thinking", "a"))
    parser.feed(chunk(call(0, "call_1", name)))
    (lane,) = parser._response.run.choices[0].calls.lanes
    assert (state_of(lane.scanner), lane.named) == (lane.state, False)
    for char in text:
        parser.feed(chunk(call(0, arguments=char)))
        assert (state_of(lane.scanner), lane.named) == (lane.state, True)
