"""Every rule of who is who among tool calls, by a case of its name."""

import json

import pytest
from chunked import DATE
from helpers import ID, anomalies, call, chunk, run

from streamfsm import StreamParser, coalesce
from streamfsm.core import calls as core_calls
from streamfsm.core import response
from streamfsm.machines.identity import RULES, Rule

# Rule → cases: the entries of tool-call lists, the last of which the rule decides; and the calls that come of them.
CASES = {
    "same id, other name, no members": [
        ([call(0, "a", "f", "{}"), call(0, "a", "g", "{}")], [("a", "f", "{}"), ("a", "g", "{}")]),
    ],
    "same id, several calls": [
        (
            [call(0, "a", "now"), call(1, "a", "f"), call(None, "a", None, '{"x":1}')],
            [("a", "now", ""), ("a", "f", '{"x":1}')],
        ),
    ],
    "same id, other name, closed": [
        ([call(0, "a", "f", '{"x":1}'), call(0, "a", "g", "{}")], [("a", "f", '{"x":1}'), ("a", "g", "{}")]),
        ([call(None, "a", "f", '{"x":1}'), call(None, "a", "g", "{}")], [("a", "f", '{"x":1}'), ("a", "g", "{}")]),
    ],
    "same id": [
        ([call(0, "a", "f", '{"x":'), call(0, "a", None, "1}")], [("a", "f", '{"x":1}')]),
        ([call(0, "a", "f", "{"), call(1, "b", "g", "{"), call(0, "a", "f", "}")], [("a", "f", "{}"), ("b", "g", "{")]),
        (
            [call(None, "a", "f", "{"), call(None, "b", "g"), call(None, "a", None, "}")],
            [("a", "f", "{}"), ("b", "g", "")],
        ),
        ([call(None, "a", "f", "{"), call(0, "a", None, "}")], [("a", "f", "{}")]),
        ([call(1, "a", "f", "{"), call(None, "a", None, "}")], [("a", "f", "{}")]),
        (
            [call(0, "x", "f"), call(0, "y", "g"), call(1, "x", "h"), call(0, "x", None, "{}")],
            [("x", "f", "{}"), ("y", "g", ""), ("x", "h", "")],
        ),
    ],
    "id of another call": [
        ([call(0, "a", "f"), call(1, "b", "g"), call(1, "a", None, "{}")], [("a", "f", ""), ("b", "g", "{}")]),
        (
            [call(0, "a", "f", "{}"), call(1, "b", "g"), call(1, "a", None, '{"x":1}')],
            [("a", "f", "{}"), ("b", "g", '{"x":1}')],
        ),
    ],
    "id at another index, open": [
        ([call(0, "a", "f", "{"), call(1, "a", None, "}")], [("a", "f", "{}")]),
        ([call(0, "a", "f"), call(1, "a", None, "{"), call(2, "a", None, "}")], [("a", "f", "{}")]),
    ],
    "id at another index, same name, open": [
        ([call(0, "a", "f", "{"), call(1, "a", "f", "}")], [("a", "f", "{}")]),
    ],
    "id at another index": [
        ([call(0, "a", "f", "{}"), call(1, "a", "g", "{}")], [("a", "f", "{}"), ("a", "g", "{}")]),
        ([call(0, "a", "f"), call(1, "a", "f", "{}")], [("a", "f", ""), ("a", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, "a", None, "{}")], [("a", "f", "{}"), ("a", "", "{}")]),
    ],
    "late id, another waits": [
        (
            [call(0, None, "f"), call(1, None, "g"), call(None, "a", None, '{"x":1}')],
            [(None, "f", ""), ("a", "g", '{"x":1}')],
        ),
    ],
    "late id": [
        ([call(0, None, "f"), call(0, "a", None, "{}")], [("a", "f", "{}")]),
        ([call(0, None, None, "{"), call(0, "a", "f", "}")], [("a", "f", "{}")]),
        ([call(None, None, "f", "{"), call(None, "a", None, "}")], [("a", "f", "{}")]),
    ],
    "changed id": [
        ([call(0, "a", "f"), call(0, "b", None, "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f", "{"), call(0, "b", None, "}")], [("a", "f", "{}")]),
    ],
    "new id, same name, open": [
        ([call(0, "a", "f", "{"), call(0, "b", "f", "{}")], [("a", "f", "{"), ("b", "f", "{}")]),
    ],
    "new id, nothing fed": [
        ([call(0, "a", "f"), call(0, "b", "g", "{}")], [("a", "f", ""), ("b", "g", "{}")]),
    ],
    "new id, same name, nothing fed": [
        ([call(0, "a", "f"), call(0, "b", "f", "{}")], [("a", "f", ""), ("b", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(0, "b", "f", '{"x":1}')], [("a", "f", "{}"), ("b", "f", '{"x":1}')]),
        ([call(None, "a", "f"), call(None, "b", "f", "{}")], [("a", "f", ""), ("b", "f", "{}")]),
    ],
    "new id, same name, closed": [
        ([call(0, "a", "f", '{"x":1}'), call(0, "b", "f", "{}")], [("a", "f", '{"x":1}'), ("b", "f", "{}")]),
    ],
    "new id": [
        ([call(0, "a", "f", "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, "b", "f", "{}")], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([call(None, "a", "f", "{}"), call(None, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([call(0, None, "f", "{}"), call(0, "b", "g", "{}")], [(None, "f", "{}"), ("b", "g", "{}")]),
        ([call(0, None, "f", "{}"), call(1, "b", None, "{}")], [(None, "f", "{}"), ("b", "", "{}")]),
        ([call(0, "a", "f", "{}"), call(0, "b", None, "{}")], [("a", "f", "{}"), ("b", "", "{}")]),
    ],
    "new index, same name, nothing fed": [
        ([call(0, "a", "f"), call(1, None, "f", "{}")], [("a", "f", ""), (None, "f", "{}")]),
    ],
    "new index, same name, open": [
        ([call(0, "a", "f", "{"), call(1, None, "f", "}")], [("a", "f", "{}")]),
    ],
    "new index, same name, closed": [
        ([call(0, "a", "f", '{"x":1}'), call(1, None, "f")], [("a", "f", '{"x":1}'), (None, "f", "")]),
        ([call(0, "a", "f", '{"x":1}'), call(1, None, "f", "{}")], [("a", "f", '{"x":1}'), (None, "f", "{}")]),
    ],
    "first here": [
        ([call(0, None, "f", "{}")], [(None, "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, None, "g", "{}")], [("a", "f", "{}"), (None, "g", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, None, None, "{}")], [("a", "f", "{}"), (None, "", "{}")]),
        ([call(None, None, "f", "{}")], [(None, "f", "{}")]),
        ([call(None, None, None, "{}")], [(None, "", "{}")]),
    ],
    "new name": [
        ([call(0, None, "f", '{"x":1}'), call(0, None, "g", "{}")], [(None, "f", '{"x":1}'), (None, "g", "{}")]),
        ([call(None, "a", "f", "{"), call(None, None, "g", "{}")], [("a", "f", "{"), (None, "g", "{}")]),
    ],
    "new name, nothing fed": [
        (
            [call(0, "a", "f"), call(1, "b", "g"), call(0, None, "h", "{}")],
            [("a", "f", ""), ("b", "g", ""), (None, "h", "{}")],
        ),
    ],
    "same name, closed": [
        ([call(0, None, "f", "{}"), call(0, None, "f", "{}")], [(None, "f", "{}"), (None, "f", "{}")]),
        ([call(None, "a", "f", "{} "), call(None, None, "f", "{}")], [("a", "f", "{} "), (None, "f", "{}")]),
    ],
    "same name, open": [
        ([call(0, None, "f", "{"), call(0, None, "f", "}")], [(None, "f", "{}")]),
        ([call(0, "a", "f", '{"x":'), call(0, None, "f", "1}")], [("a", "f", '{"x":1}')]),
    ],
    "more name, no id": [
        ([call(0, None, "get_"), call(0, None, "time", "{}")], [(None, "get_time", "{}")]),
        ([call(0, None, "f"), call(0, None, "g")], [(None, "fg", "")]),
    ],
    "more": [
        ([call(0, "a", "f"), call(0, None, None, "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f"), call(1, "b", "g"), call(0, None, None, "{}")], [("a", "f", "{}"), ("b", "g", "")]),
        (
            [call(0, "a", "f", "{}"), call(0, "b", "g", "{"), call(0, None, None, "}")],
            [("a", "f", "{}"), ("b", "g", "{}")],
        ),
        ([call(0, "a", "get_"), call(0, None, "time", "{}")], [("a", "get_time", "{}")]),
        ([call(None, "a", "f"), call(None, None, None, "{}")], [("a", "f", "{}")]),
        (
            [call(None, "a", "f", "{"), call(None, "b", "g", "{"), call(None, "a"), call(None, None, None, "}")],
            [("a", "f", "{}"), ("b", "g", "{")],
        ),
    ],
    "more, another waits": [
        ([call(0, "a", "f"), call(1, "b", "g"), call(None, None, None, "{}")], [("a", "f", ""), ("b", "g", "{}")]),
        (
            [call(None, "a", "f"), call(None, "b", "g"), call(None, None, None, "{}")],
            [("a", "f", ""), ("b", "g", "{}")],
        ),
    ],
}
each_case = pytest.mark.parametrize(
    ("rule", "entries", "calls"),
    [pytest.param(rule, *case, id=f"{rule}-{number}") for rule in CASES for number, case in enumerate(CASES[rule])],
)


@pytest.fixture
def decided(monkeypatch):
    """The names of the rules that decided, in order."""
    rules, resolve = [], core_calls.Calls.resolve

    def spy(self, *entry):
        rule, lane = resolve(self, *entry)
        rules.append(rule.name)
        return rule, lane

    monkeypatch.setattr(core_calls.Calls, "resolve", spy)
    # An entry that says no more of whose it is than one before it is looked up.
    forget_routes(monkeypatch)
    return rules


class NoRoutes(dict):
    def get(self, *_):
        return None


def forget_routes(monkeypatch):
    init = response.Response.__init__

    def forgetful(self, *args):
        init(self, *args)
        self._call_routes = NoRoutes()

    monkeypatch.setattr(response.Response, "__init__", forgetful)


def found(parser):
    return [(each.id, each.name, each.arguments) for each in parser.result.tool_calls]


@each_case
def test_the_rule_decides_whose_an_entry_is(decided, rule, entries, calls):
    _, parser = run(map(chunk, entries))
    assert decided[-1] == rule
    assert found(parser) == calls


@each_case
def test_the_same_entries_in_one_delta_are_the_same_calls(decided, rule, entries, calls):
    _, parser = run([chunk(*entries)])
    assert decided[-1] == rule
    assert found(parser) == calls


@each_case
def test_what_a_rule_tells_is_recorded_and_nothing_else(rule, entries, calls):
    _, parser = run(map(chunk, entries))
    tells = {each.name: each.records for each in RULES}[rule]
    nameless = sum(not name for _, name, _ in calls)
    assert [kind for kind in anomalies(parser) if kind not in (*EARLIER.get(rule, ()), "repeated_call")] == (
        [tells] * bool(tells) + ["nameless_call"] * nameless
    )
    assert found(parser) == calls


# What rules tell that decided of earlier entries of a rule's cases.
EARLIER = {"same id": ("ambiguous_call", "duplicate_id"), "same id, several calls": ("duplicate_id",)}


@each_case
def test_what_is_looked_up_is_what_the_rules_decide(monkeypatch, rule, entries, calls):
    assert rule
    chunks = [*map(chunk, entries), chunk(call(entries[-1].get("index"), None, None, " ")), chunk(finish="tool_calls")]
    messages, parser = run(chunks, date=DATE)
    forget_routes(monkeypatch)
    assert (messages, parser.result) == ((again := run(chunks, date=DATE))[0], again[1].result)
    assert len(parser.result.tool_calls) == len(calls)


def outcome(entries):
    """All that a rule may decide: the calls, whether they are ready, and what is recorded."""
    try:
        _, parser = run([*map(chunk, entries), chunk(finish="tool_calls")])
    except AttributeError:  # more of a call that is not there
        return None
    return found(parser), [each.ready for each in parser.result.tool_calls], anomalies(parser)


DECIDED_ELSEWHERE = {
    "other entry",
    "other entry, same name",
    "cumulative message",
    "message after deltas, same id",
    "message after deltas, other id",
    "message after deltas",
}  # in one delta's list and in messages, which have tests of their own


def test_reversed_rules_decide_otherwise(monkeypatch):
    cases = [case for rule in CASES for case in CASES[rule]]
    want = [outcome(entries) for entries, _ in cases]
    monkeypatch.setattr(core_calls, "RULES", RULES[::-1])
    assert sum(outcome(entries) != each for (entries, _), each in zip(cases, want, strict=True)) > len(cases) / 2


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda number: RULES[number].name)
def test_every_rule_decides_something_that_the_others_would_not(monkeypatch, number):
    cases = CASES.get(RULES[number].name, ())
    want = [outcome(entries) for entries, _ in cases]
    last = Rule("no other", "here" if RULES[number].decision == "new" else "new", lambda _: True, "there must be one")
    monkeypatch.setattr(core_calls, "RULES", (*RULES[:number], *RULES[number + 1 :], last))
    assert (RULES[number].name in DECIDED_ELSEWHERE) == ([outcome(entries) for entries, _ in cases] == want)


def test_entries_of_one_delta_without_index_and_id_are_calls_of_their_own(decided):
    _, parser = run([chunk(call(None, None, "f"), call(None, None, "g"), finish="tool_calls")])
    assert decided == ["first here", "other entry"]
    assert found(parser) == [(None, "f", ""), (None, "g", "")]
    assert anomalies(parser) == []


def test_entries_of_one_delta_with_one_name_are_calls_that_say_something_else(decided):
    entries = [call(None, None, "f"), call(None, None, "f", '{"x":1}'), call(None, None, "f", '{"x": 1}')]
    _, parser = run([chunk(*entries, finish="tool_calls")])
    assert decided == ["first here", "other entry, same name", "same name, closed"]
    assert [(each.arguments, each.ready) for each in parser.result.tool_calls] == [
        ("", False),
        ('{"x":1}', True),
        ('{"x": 1}', False),
    ]


def test_a_name_in_pieces_beside_arguments_without_one_is_told_once():
    pieces = [call(1, "x", "f"), *(call(1, None, letter) for letter in "gh"), call(1, None, None, B)]
    _, parser = run([chunk(call(0, None, None, A)), *map(chunk, pieces), chunk(finish="tool_calls")])
    assert [(each.name, each.ready) for each in parser.result.tool_calls] == [("", False), ("fgh", False)]
    assert anomalies(parser) == ["ambiguous_call", "nameless_call"]


def test_calls_that_share_an_id_and_their_arguments_are_ready_if_their_names_differ():
    for entries in ([call(0, "k", "f", A), call(1, "k", "g", A)], [call(0, "k", "g", A), call(1, "k", "f", A)]):
        for chunks in (map(chunk, entries), [chunk(*entries)]):
            _, parser = run([*chunks, chunk(finish="tool_calls")])
            assert [each.ready for each in parser.result.tool_calls] == [True, True]
            assert anomalies(parser) == ["duplicate_id"]


@pytest.mark.parametrize("index", [0, 1, None])
@pytest.mark.parametrize("function", [{}, None, {"name": "", "arguments": ""}, {"name": None, "arguments": None}])
def test_an_entry_that_says_nothing_begins_no_call(function, index):
    silent = {"id": "", "type": "function", "function": function} | ({} if index is None else {"index": index})
    for delta in ({"tool_calls": [silent]}, {"tool_calls": [silent, {}]}, {"function_call": function}):
        before = {"choices": [{"index": 0, "delta": {"content": "Hi", **delta}}]}
        _, parser = run([before, before, chunk(finish="stop")])
        assert (found(parser), anomalies(parser)) == ([], [])
        _, parser = run([before, chunk(call(2, "a", "f")), chunk(finish="tool_calls")])
        assert [(each.name, each.ready) for each in parser.result.tool_calls] == [("f", True)]


def test_names_that_may_be_two_calls_are_never_ready(decided):
    _, parser = run([chunk(call(None, None, "f")), chunk(call(None, None, "g"), finish="tool_calls")])
    assert decided[-1] == "more name, no id"
    assert [(each.name, each.ready) for each in parser.result.tool_calls] == [("fg", False)]
    assert anomalies(parser) == ["ambiguous_call"]


def test_a_message_that_is_whole_so_far_repeats_its_calls_in_order(decided):
    message = {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 2}
    _, parser = run([{"choices": [{"message": message}]}] * 2)
    assert decided == ["first here", "first here", "cumulative message", "cumulative message"]
    assert found(parser) == [(None, "f", "{}")] * 2


@pytest.mark.parametrize(
    ("deltas", "entries", "rules"),
    [
        ("ab", "ba", ["message after deltas, same id"] * 2),
        ("ab", "cd", ["message after deltas, other id"] * 2),
        ([None], "a", ["message after deltas"]),
        ("a", [None], ["message after deltas"]),
        ("a", "ab", ["message after deltas, same id", "new id"]),
    ],
)
def test_a_message_after_deltas_repeats_their_calls(decided, deltas, entries, rules):
    began = [call(at, call_id, "f", "{}") for at, call_id in enumerate(deltas)]
    message = {"tool_calls": [call(None, call_id, "f", "{}") for call_id in entries]}
    _, parser = run([chunk(*began), {"choices": [{"message": message, "finish_reason": "tool_calls"}]}])
    assert decided[len(began) :] == rules
    assert len(parser.result.tool_calls) == max(len(deltas), len(entries))


A, B = '{"a":1}', '{"b":2}'
# What may be told again, or may have gone to another call: entries, in chunks of their own; what comes of them.
UNCERTAIN = {
    "arguments one index before their names": (
        [call(1, "x", "f"), call(0, None, None, A), call(2, "y", "g"), call(1, None, None, B)],
        [("f", B, False), ("g", A, False)],
    ),
    "arguments one index after their names": (
        [call(0, "x", "f"), call(1, None, None, A), call(1, "y", "g"), call(2, None, None, B)],
        [("f", B, False), ("g", A, False)],
    ),
    "all names, then arguments one index after them": (
        [call(0, "x", "f"), call(1, "y", "g"), call(1, None, None, A), call(2, None, None, B)],
        [("f", B, False), ("g", A, False)],
    ),
    "all names, then arguments two indexes after them, but one": (
        [call(0, "w", "e", A), call(1, "x", "f"), call(2, "y", "g"), call(2, None, None, B), call(5, None, None, A)],
        [("e", A, True), ("f", A, False), ("g", B, False)],
    ),
    "arguments one index before their names, and the first of them first": (
        [call(0, None, None, A), call(1, "x", "f"), call(1, None, None, B), call(2, "y", "g")],
        [("f", B, False), ("g", A, False)],
    ),
    "arguments without a name, then a whole call": (
        [call(0, None, None, A), call(1, "x", "f", B)],
        [("", A, False), ("f", B, True)],
    ),
    "all arguments, then all names": (
        [call(0, None, None, A), call(1, None, None, B), call(0, "x", "f"), call(1, "y", "g")],
        [("f", A, True), ("g", B, True)],
    ),
    "arguments before their name, at one index": (
        [call(0, "x", None, A), call(0, None, "f"), call(0, "y", None, B), call(0, None, "g")],
        [("f", A, True), ("g", B, True)],
    ),
    "names after two ids that came by themselves": (
        [call(0, "x", None, '{"a":'), call(0, "y"), call(0, None, "f"), call(0, None, "g"), call(0, None, None, "1}")],
        [("fg", A, False)],
    ),
    "a name without an id that is read twice, and the call again": (
        [call(0, "k", "f"), call(0, None, "f", A), call(0, None, "f", A)],
        [("ff", A, False), ("f", A, False)],
    ),
    "names without an index, arguments with one": (
        [call(None, "x", "f"), call(0, None, None, A), call(None, "y", "g"), call(1, None, None, B)],
        [("f", B, False), ("g", A, False)],
    ),
    "arguments without a name, three calls": (
        [
            *(call(0, "x", "f"), call(5, None, None, A), call(1, "y", "g"), call(2, "z", "h")),
            *(call(6, None, None, B), call(0, None, None, A), call(1, None, None, A), call(2, None, None, A)),
        ],
        [("f", A, False), ("", A, False), ("g", A, False), ("h", A, False), ("", B, False)],
    ),
    "arguments before their name, and no other call": (
        [call(0, None, None, A), call(0, "x", "f"), call(1, None, None, B), call(1, "y", "g")],
        [("f", A, True), ("g", B, True)],
    ),
    "each call's id at the other's index": (
        [call(0, "x", "f"), call(1, "y", "g"), call(0, "y", None, A), call(1, "x", None, B)],
        [("f", A, False), ("g", B, False)],
    ),
    "one id and name at two indexes, one in the other": (
        [call(0, "k", "f", '{"l":['), call(1, "k", "f", B), call(0, None, None, "]}")],
        [("f", '{"l":[{"b":2}]}', False)],
    ),
    "all arguments at one index": (
        [call(0, "x", "f", A), call(1, "y", "g"), call(0, None, None, B)],
        [("f", A + B, False), ("g", "", False)],
    ),
    "the same arguments twice at one index": (
        [call(0, "x", "f", A), call(1, "y", "g"), call(0, None, None, A)],
        [("f", A, True), ("g", "", False)],
    ),
    "half of the same arguments at one index": (
        [call(0, "x", "f", A), call(1, "y", "g", "{}"), call(0, None, None, '{"a')],
        [("f", A + '{"a', False), ("g", "{}", False)],
    ),
    "a call that is told again after another one": (
        [call(0, "k", "f", A), call(1, "l", "g", B), call(None, None, "f", A)],
        [("f", A, True), ("g", B, True), ("f", A, False)],
    ),
    "all calls told again at other indexes": (
        [call(0, "k", "f", A), call(1, "l", "g", B), call(1, "k", "f", '{"a": 1}'), call(2, "l", "g", B)],
        [("f", A, True), ("g", B, True), ("f", '{"a": 1}', False), ("g", B, False)],
    ),
    "a call without an id and without arguments, and one of its name": (
        [call(None, None, "f"), call(0, "k", "f", B)],
        [("f", "", False), ("f", B, True)],
    ),
    "several calls of one name, with ids and without": (
        [call(0, "k", "f", A), call(1, "l", "f", A), call(2, None, "g", A), call(3, None, "g", B)],
        [("f", A, True), ("f", A, True), ("g", A, True), ("g", B, True)],
    ),
    "a name after an id that came by itself": (
        [call(0, None, "f"), call(0, "i", None), call(0, None, "g"), call(0, "j", None, B)],
        [("fg", B, False)],
    ),
    "a name so far in three pieces": (
        [call(0, "k", "get"), call(0, None, "get_"), call(0, None, "get_weather"), call(0, None, None, A)],
        [("getget_get_weather", A, False)],
    ),
    "a name that begins with the name before it": (
        [call(0, "k", "get"), call(0, None, "get_time"), call(0, None, None, A)],
        [("getget_time", A, False)],
    ),
}


@pytest.mark.parametrize(("entries", "calls"), UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_may_be_another_calls_is_not_ready(entries, calls):
    for chunks in (map(chunk, entries), [chunk(*entries)]):
        _, parser = run([*chunks, chunk(finish="tool_calls")])
        assert [(each.name, each.arguments, each.ready) for each in parser.result.tool_calls] == calls
        assert bool(anomalies(parser)) == (not all(ready for *_, ready in calls))


@pytest.mark.parametrize(
    "entries",
    [
        *(entries for entries, _ in UNCERTAIN.values()),
        [call(2, "k", None, " "), call(1, "y"), call(0, None, "g"), call(1, None, None, "x"), call(2, "k", None, "{}")],
        [
            call(0, None, None, A),
            call(0, None, "g"),
            call(1, None, None, A),
            call(1, None, "h"),
            call(2, None, None, A),
        ],
    ],
)
def test_a_restored_parser_doubts_and_adopts_alike(entries):
    messages, parser = run([*map(chunk, entries), chunk(finish="tool_calls")])
    again, moved = [], StreamParser(message_id=parser.message_id, date=parser._response.options.date)
    for each in [*map(chunk, entries), chunk(finish="tool_calls")]:
        again += moved.feed(each)
        moved = StreamParser.restore(json.loads(json.dumps(moved.snapshot())))
    assert (again + moved.close(), moved.result) == (messages, parser.result)


def test_a_wrong_escape_in_a_complete_object_casts_no_doubt_on_other_calls():
    _, parser = run([chunk(call(0, "c", "f", r'{"p":"C:\dir"}'), call(1, "d", "now", "{}"), finish="tool_calls")])
    assert [(each.verdict, each.ready) for each in parser.result.tool_calls] == [("invalid", False), ("valid", True)]
    assert anomalies(parser) == []


@pytest.mark.parametrize("pieces", [["{}"], ["{", "}"]])
def test_a_sealed_call_is_revoked_before_the_arguments_that_came_with_the_doubt(pieces):
    first, *others = pieces
    entries = [
        call(None, "a", "f", "{}"),
        call(None, "a", "g", first),
        *(call(None, None, None, each) for each in others),
    ]
    messages, _ = run([*map(chunk, entries), chunk(finish="tool_calls")], seal_tools=["f"])
    kinds = ["tool_call_message", "tool_call_sealed", "tool_call_message", "tool_call_revoked"]
    assert [each.message_type for each in coalesce(messages)] == [*kinds, "tool_call_message", "stop_reason"]


def test_a_legacy_call_that_comes_again_in_the_list_is_not_ready_twice():
    chunks = [chunk(function_call={"name": "f", "arguments": A}), chunk(call(0, "k", "f", A), finish="tool_calls")]
    _, parser = run(chunks)
    assert [each.ready for each in parser.result.tool_calls] == [True, False]
    assert anomalies(parser) == ["repeated_call"]


def test_a_sealed_call_that_comes_again_stays_and_the_repetition_is_revoked():
    chunks = [chunk(call(0, "k", "f", A)), chunk(call(1, "l", "g", B)), chunk(call(2, None, "f", A))]
    messages, parser = run([*chunks, chunk(finish="tool_calls")], seal_tools=("f", "g"))
    sealed = [each.tool_call.name for each in messages if each.message_type == "tool_call_sealed"]
    revoked = [each.reason for each in messages if each.message_type == "tool_call_revoked"]
    assert (sealed, revoked) == (["f", "g", "f"], ["doubt"])
    assert [each.ready for each in parser.result.tool_calls] == [True, True, False]


def test_every_rule_has_a_case_and_a_reason():
    assert {*CASES, *DECIDED_ELSEWHERE} == {rule.name for rule in RULES}
    assert all(rule.because for rule in RULES)


def test_positions_are_counted_by_start_whatever_the_wire_says():
    entries = [call(5, "a", "f", "{}"), call(2, "b", "g", "{}"), call(5, None, None, " ")]
    _, parser = run(map(chunk, entries))
    assert [(each.index, each.id) for each in parser.result.tool_calls] == [(0, "a"), (1, "b")]


def test_choices_do_not_share_calls():
    chunks = [chunk(call(0, "a", "f", "{"), choice=which) for which in (0, 1)]
    chunks += [chunk(call(0, None, None, "}"), choice=which) for which in (1, 0)]
    _, parser = run(chunks)
    assert [choice.tool_calls[0].arguments for choice in parser.result.choices] == ["{}", "{}"]
    assert [len(choice.tool_calls) for choice in parser.result.choices] == [1, 1]


def test_a_restored_parser_puts_the_same_calls_in_doubt():
    entries = [
        call(0, None, None, '{"a":'),
        call(1, "b", "g"),
        call(0, None, "f", "[1"),
        call(2, None, None, '{"b":2}'),
        call(0, None, None, "]}"),
    ]
    straight, parser = StreamParser(message_id=ID), StreamParser(message_id=ID)
    for each in [*map(chunk, entries), chunk(finish="tool_calls")]:
        straight.feed(each)
        parser = StreamParser.restore(parser.snapshot())
        parser.feed(each)
    straight.close()
    parser.close()
    assert parser.result == straight.result
    assert [(each.name, each.ready) for each in parser.result.tool_calls] == [("f", True), ("g", False)]
