"""Every rule of who is who among tool calls, by a case of its name."""

import pytest
from helpers import anomalies, call, chunk, run

from streamfsm.core.calls import Calls
from streamfsm.machines.identity import RULES

# Rule → cases: the entries of tool-call lists, the last of which the rule decides; and the calls that come of them.
CASES = {
    "same id": [
        ([call(0, "a", "f", '{"x":'), call(0, "a", None, "1}")], [("a", "f", '{"x":1}')]),
        ([call(0, "a", "f", "{"), call(1, "b", "g", "{"), call(0, "a", "f", "}")], [("a", "f", "{}"), ("b", "g", "{")]),
        (
            [call(None, "a", "f", "{"), call(None, "b", "g"), call(None, "a", None, "}")],
            [("a", "f", "{}"), ("b", "g", "")],
        ),
        ([call(None, "a", "f", "{"), call(0, "a", None, "}")], [("a", "f", "{}")]),
        ([call(1, "a", "f", "{"), call(None, "a", None, "}")], [("a", "f", "{}")]),
    ],
    "id at another index": [
        ([call(0, "a", "f", "{}"), call(1, "a", "g", "{}")], [("a", "f", "{}"), ("a", "g", "{}")]),
    ],
    "late id": [
        ([call(0, None, "f"), call(0, "a", None, "{}")], [("a", "f", "{}")]),
        ([call(0, None, None, "{"), call(0, "a", "f", "}")], [("a", "f", "{}")]),
        ([call(None, None, "f", "{"), call(None, "a", None, "}")], [("a", "f", "{}")]),
    ],
    "new id": [
        ([call(0, "a", "f", "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, "b", "f", "{}")], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(0, "b", "f", "{}")], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([call(None, "a", "f", "{}"), call(None, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([call(0, None, "f", "{}"), call(0, "b", "g", "{}")], [(None, "f", "{}"), ("b", "g", "{}")]),
        ([call(0, None, "f", "{}"), call(1, "b", None, "{}")], [(None, "f", "{}"), ("b", "", "{}")]),
    ],
    "new index": [
        ([call(0, None, "f", "{}")], [(None, "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(1, None, "g", "{}")], [("a", "f", "{}"), (None, "g", "{}")]),
        ([call(-1, None, "f", "{"), call(0, None, None, "}")], [(None, "f", "{"), (None, "", "}")]),
    ],
    "first entry": [
        ([call(None, None, "f", "{}")], [(None, "f", "{}")]),
        ([call(None, None, None, "{}")], [(None, "", "{}")]),
    ],
    "new name": [
        ([call(0, None, "f", "{}"), call(0, None, "g", "{}")], [(None, "f", "{}"), (None, "g", "{}")]),
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
    "same index": [
        ([call(0, "a", "f"), call(0, None, None, "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f"), call(1, "b", "g"), call(0, None, None, "{}")], [("a", "f", "{}"), ("b", "g", "")]),
        (
            [call(0, "a", "f", "{}"), call(0, "b", "g", "{"), call(0, None, None, "}")],
            [("a", "f", "{}"), ("b", "g", "{}")],
        ),
        ([call(0, "a", "get_"), call(0, None, "time", "{}")], [("a", "get_time", "{}")]),
    ],
    "last call": [
        ([call(None, "a", "f"), call(None, None, None, "{}")], [("a", "f", "{}")]),
        ([call(0, "a", "f"), call(1, "b", "g"), call(None, None, None, "{}")], [("a", "f", ""), ("b", "g", "{}")]),
        (
            [call(None, "a", "f", "{"), call(None, "b", "g", "{"), call(None, "a"), call(None, None, None, "}")],
            [("a", "f", "{}"), ("b", "g", "{")],
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
    rules, resolve = [], Calls.resolve

    def spy(self, *entry):
        rule, lane = resolve(self, *entry)
        rules.append(rule.name)
        return rule, lane

    monkeypatch.setattr(Calls, "resolve", spy)
    # Entries that say no more of whose they are than the one before take a short cut, which decides nothing.
    monkeypatch.setattr(Calls, "last_index", property(lambda _: "none", lambda *_: None))
    return rules


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
def test_a_guess_is_recorded_and_nothing_else(rule, entries, calls):
    _, parser = run(map(chunk, entries))
    guess = {each.name: each.ambiguous for each in RULES}[rule]
    nameless = sum(not name for _, name, _ in calls)
    assert anomalies(parser) == ["ambiguous_call"] * guess + ["nameless_call"] * nameless
    assert found(parser) == calls


def test_entries_of_one_delta_without_index_and_id_are_calls_of_their_own(decided):
    _, parser = run([chunk(call(None, None, "f"), call(None, None, "g"), finish="tool_calls")])
    assert decided == ["first entry", "other entry"]
    assert found(parser) == [(None, "f", ""), (None, "g", "")]
    assert anomalies(parser) == []


def test_names_that_may_be_two_calls_are_never_ready(decided):
    _, parser = run([chunk(call(None, None, "f")), chunk(call(None, None, "g"), finish="tool_calls")])
    assert decided[-1] == "more name, no id"
    assert [(each.name, each.ready) for each in parser.result.tool_calls] == [("fg", False)]
    assert anomalies(parser) == ["ambiguous_call"]


def test_a_message_that_is_whole_so_far_repeats_its_calls_in_order(decided):
    message = {"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 2}
    _, parser = run([{"choices": [{"message": message}]}] * 2)
    assert decided == ["new index", "new index", "whole so far", "whole so far"]
    assert found(parser) == [(None, "f", "{}")] * 2


def test_every_rule_has_a_case_and_a_reason():
    assert {*CASES, "other entry", "whole so far"} == {rule.name for rule in RULES}
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
