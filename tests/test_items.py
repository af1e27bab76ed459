"""Which item an event of the Responses wire speaks of: every rule by what it decides, and its place in the order."""

from typing import Any

import pytest
from helpers import anomalies, found, run, said
from response_events import added, argued, created, done, ended, event, function, message, named, placed, thoughts
from response_events import said as spoken

from streamfsm.machines.items import RULES
from streamfsm.wires.responses import items
from streamfsm.wires.responses.items import Items

A, B = function("", "c1", "f", "f1"), function("", "c2", "g", "f2")
LIST = [*(function(text, f"c{n}", name, f"f{n}") for n, name, text in ((1, "f", '{"a":1}'), (2, "g", '{"b":2}')))]

# Rule → streams that it decides: what is said, the calls, and the kinds of anomalies.
CASES: dict[str, list[tuple[list[Any], Any, Any, list[str]]]] = {
    "same id, another call": [
        (
            [added(A), argued("{}"), added({**B, "id": "f1"}), argued('{"b":2}', "c2"), ended()],
            [("name", "f"), ("arguments", "{}"), ("name", "g"), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
            [("c1", "f", "{}"), ("c2", "g", '{"b":2}')],
            ["duplicate_id"],
        ),
    ],
    "same id, begins again": [
        (
            [added(message()), spoken("A"), added(message(), 1), spoken("B", index=1), ended()],
            [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")],
            [],
            ["duplicate_id"],
        ),
    ],
    "same id, ends again": [
        ([done(message("A")), done(message("B"), 1), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], ["duplicate_id"]),
    ],
    "same id": [
        ([added(A), added(B, 1), argued("{}", "f2", None), argued("{}", "f1", None), ended()],
         [("name", "f"), ("name", "g"), ("arguments", "{}"), ("arguments", "{}"), ("stop", "tool_calls")],
         [("c1", "f", "{}"), ("c2", "g", "{}")], []),
        ([added(A, None), argued("{", "f1", 3), argued("}", "c1", 3), ended()],
         [("name", "f"), ("arguments", "{}"), ("stop", "tool_calls")], [("c1", "f", "{}")], []),
    ],
    "same id, another place": [
        ([added(A, 0), added(B, 1), argued('{"a":1}', "f1", 1), ended(*LIST)],
         [("name", "f"), ("name", "g"), ("arguments", '{"a":1}'), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
         [("c1", "f", '{"a":1}'), ("c2", "g", '{"b":2}')], ["ambiguous_item"]),
    ],
    "shared id": [
        ([added(message()), added(message(), 1), *[done(message("A"))] * 2, done(message("B"), 1), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], ["duplicate_id"]),
    ],
    "shared id, in the list": [
        ([added(message()), spoken("A"), done(message("A")), added(message(), 1), spoken("B", index=1),
          ended(message("A"), message("B!"))],
         [("assistant", "A"), ("assistant", "B!"), ("stop", "end_turn")], [], ["duplicate_id"]),
    ],
    "listed again": [
        ([added(message()), spoken("A"), ended(message("A"), message("B"))],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], ["duplicate_id"]),
    ],
    "begins at a taken place": [
        ([added(A), argued("{}"), added(B), argued('{"b":2}', "f2"), ended()],
         [("name", "f"), ("arguments", "{}"), ("name", "g"), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
         [("c1", "f", "{}"), ("c2", "g", '{"b":2}')], ["duplicate_index"]),
    ],
    "begins": [
        ([added(A, None), added(B, None), argued("{}", "f2", None), argued("{}", "f1", None), ended()],
         [("name", "f"), ("name", "g"), ("arguments", "{}"), ("arguments", "{}"), ("stop", "tool_calls")],
         [("c1", "f", "{}"), ("c2", "g", "{}")], []),
    ],
    "another call is over": [
        ([added(A), argued("{}"), done(LIST[1]), ended()],
         [("name", "f"), ("arguments", "{}"), ("name", "g"), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
         [("c1", "f", "{}"), ("c2", "g", '{"b":2}')], ["duplicate_index"]),
    ],
    "another item is over": [
        ([done(message("A", "m1")), done(message("B", "m2")), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], ["duplicate_index"]),
    ],
    "same place, ended empty": [
        ([done(function("", "c1", "now")), event("function_call_arguments.done", arguments="{}", **placed(0)), ended()],
         [("name", "now"), ("arguments", "{}"), ("stop", "tool_calls")], [("c1", "now", "{}")], ["ambiguous_item"]),
    ],
    "same place, but empty": [
        ([argued("{}", "x"), done(A), ended()],
         [("name", "f"), ("arguments", "{}"), ("stop", "tool_calls")], [("c1", "f", "{}")], ["ambiguous_item"]),
    ],
    "same place": [
        ([added(message(), 0), added(message(item_id="m2"), 1), spoken("A", "x", 0), spoken("B", "y", 1), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], []),
        ([added(message()), spoken("A", None), done(message("A", "z")), ended()],
         [("assistant", "A"), ("stop", "end_turn")], [], []),
    ],
    "next of the list, but empty": [
        ([argued('{"b":2}', "x", 1), ended(A, *LIST[1:])],
         [*(("name", "f"), ("arguments", '{"b":2}'), ("name", "g"), ("arguments", '{"b":2}')), ("stop", "tool_calls")],
         [("c1", "f", '{"b":2}'), ("c2", "g", '{"b":2}')], ["ambiguous_item"]),
    ],
    "next of the list": [
        ([added(message(), 0), spoken("A"), added(message(item_id="m2"), 2), spoken("B", "m2", 2),
          ended(message("A!", "x"), message("B!", "y"))],
         [*(("assistant", text) for text in "AB!!"), ("stop", "end_turn")], [], []),
    ],
    "only in the list": [
        ([added(message(), 0), spoken("A"), ended(message("A"), message("B", "x"))],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], []),
    ],
    "never began": [
        ([argued("{}", "f1", None), argued('{"b":2}', "f2", None), ended(*LIST[1:])],
         [("name", "g"), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
         [(None, "", "{}"), ("c2", "g", '{"b":2}')], ["ambiguous_item", "nameless_call"]),
    ],
    "new place, the only silent one": [
        ([added(message()), spoken("A", None, 1), spoken("B", None, 1), done(message("AB")), ended()],
         [("assistant", "AB"), ("stop", "end_turn")], [], ["ambiguous_item"]),
    ],
    "new place": [
        ([spoken("A", "m1", 0), spoken("B", "m2", 1), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], []),
    ],
    "the only open one, but empty": [
        ([argued("{}", None, None), done({"type": "function_call", "name": "f"}, None), ended()],
         [("name", "f"), ("arguments", "{}"), ("stop", "tool_calls")], [(None, "f", "{}")], ["ambiguous_item"]),
    ],
    "the only open one": [
        ([added(A), argued("{}"), done({**A, "arguments": "{}"}), added(B, 1), argued("{}", None, None), ended()],
         [("name", "f"), ("arguments", "{}"), ("name", "g"), ("arguments", "{}"), ("stop", "tool_calls")],
         [("c1", "f", "{}"), ("c2", "g", "{}")], []),
        ([spoken("A", None, None), spoken("B", None, None), ended()],
         [("assistant", "AB"), ("stop", "end_turn")], [], []),
    ],
    "the latest open one": [
        ([added(A), added(B, 1), argued("{}", None, None), ended()],
         [("name", "f"), ("name", "g"), ("arguments", "{}"), ("stop", "tool_calls")],
         [("c1", "f", ""), ("c2", "g", "{}")], ["ambiguous_item", "ambiguous_item"]),
    ],
    "only its end": [
        ([done(message("A"), None), done(message("B", "m2"), None), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], []),
        ([done(LIST[0], None), done({**LIST[1], "id": None}, None), ended()],
         [("name", "f"), ("arguments", '{"a":1}'), ("name", "g"), ("arguments", '{"b":2}'), ("stop", "tool_calls")],
         [("c1", "f", '{"a":1}'), ("c2", "g", '{"b":2}')], []),
    ],
    "after all others": [
        ([added(message()), spoken("A"), done(message("A")), spoken("B", None, None), ended()],
         [("assistant", "A"), ("assistant", "B"), ("stop", "end_turn")], [], ["ambiguous_item"]),
    ],
    "first": [
        ([spoken("A", None, None), ended()], [("assistant", "A"), ("stop", "end_turn")], [], []),
    ],
}  # fmt: skip
STREAMS = [(name, number) for name, streams in CASES.items() for number in range(len(streams))]


def outcome(stream: list[Any]) -> Any:
    messages, parser = run([created(), *stream])
    return said(messages), found(parser), anomalies(parser), [call.ready for call in parser.result.tool_calls]


@pytest.fixture
def decided(monkeypatch):
    """Names of the rules that decided, in order."""
    names: list[str] = []
    resolve = Items.resolve

    def spied(self, *claim, **more):
        resolved = resolve(self, *claim, **more)
        names.append(resolved[0].name)
        return resolved

    monkeypatch.setattr(Items, "resolve", spied)
    return names


def test_every_rule_has_a_case():
    assert [rule.name for rule in RULES] == [*CASES]


@pytest.mark.parametrize(("name", "number"), STREAMS)
def test_a_rule_decides_what_its_case_says(name, number, decided):
    stream, spoken, calls, kinds = CASES[name][number]
    assert outcome(stream)[:3] == (spoken, calls, kinds)
    assert name in decided


@pytest.mark.parametrize("left_out", RULES, ids=lambda rule: rule.name)
def test_no_rule_can_be_left_out(left_out, monkeypatch):
    streams = [stream for stream, *_ in CASES[left_out.name]]
    with_it = [outcome(stream) for stream in streams]
    monkeypatch.setattr(items, "RULES", [rule for rule in RULES if rule is not left_out])
    if left_out is RULES[-1]:
        with pytest.raises(StopIteration):
            outcome(streams[0])
    else:
        assert [outcome(stream) for stream in streams] != with_it


def test_the_order_of_the_rules_counts(monkeypatch):
    streams = [stream for streams in CASES.values() for stream, *_ in streams]
    with_it = [outcome(stream) for stream in streams]
    monkeypatch.setattr(items, "RULES", RULES[::-1])
    assert [outcome(stream) for stream in streams] != with_it


def test_where_text_may_belong_to_several_calls_none_is_ready():
    *_, ready = outcome([added(A), added(B, 1), argued("{}", None, None), ended()])
    assert ready == [False, False]
    *_, ready = outcome([added(A), added(B, 1), argued("{}", "f1"), argued("{}", "f2", 1), ended()])
    assert ready == [True, True]


def test_a_part_without_a_number_is_the_latest_and_its_number_may_come_later():
    stream = [added(message()), spoken("A", part=None), spoken("B", part=3), event(
        "output_text.done", text="AB", **named("m1", 3), **placed(0)), done(message("AB")), ended()]  # fmt: skip
    assert outcome(stream)[0] == [("assistant", "AB"), ("stop", "end_turn")]


def test_parts_of_an_item_that_is_told_whole_are_in_order_of_start():
    first = [event("reasoning_summary_text.delta", delta=text, **named("r1", number, "summary_index"), **placed(0))
             for number, text in ((7, "A"), (2, "B"))]  # fmt: skip
    stream = [added(thoughts()), *first, done(thoughts("A!", "", "B!", "C")), ended()]
    assert outcome(stream)[0] == [
        *(("reasoning", text) for text in ("A", "B", "!", "!", "C")),
        ("stop", "end_turn"),
    ]
