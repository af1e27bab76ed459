"""The name of a call: in pieces, repeated, late or never."""

import pytest
from helpers import HALF, OTHER_HALF, anomalies, call, chunk, found, run, said

from streamfsm import Dialect
from streamfsm.machines.names import RULES, Piece

# Entries of tool-call lists, and the name that comes of them: in pieces, as snapshots, and by evidence.
NAMES = {
    "pieces": ([call(0, "a", "get_"), call(0, None, "time")], ("get_time", "time", "get_time")),
    "pieces with the id": ([call(0, "a", "get_"), call(0, "a", "time")], ("get_time", "time", "get_time")),
    "pieces without any id": ([call(0, None, "get_"), call(0, None, "time")], ("get_time", "time", "get_time")),
    "a growing name with the id": (
        [call(0, "a", "get_"), call(0, "a", "get_time")],
        ("get_get_time", "get_time", "get_time"),
    ),
    "a growing name without the id": (
        [call(0, "a", "get_"), call(0, None, "get_time")],
        ("get_get_time", "get_time", "get_get_time"),
    ),
    "the whole name again with the id": ([call(0, "a", "f"), call(0, "a", "f")], ("ff", "f", "f")),
    "the whole name again without the id": ([call(0, "a", "f"), call(0, None, "f")], ("ff", "f", "ff")),
    "a piece that is the first letter again": (
        [call(0, "a", "b"), call(0, None, "bb"), call(0, None, "c")],
        ("bbbc", "c", "bbbc"),
    ),
    "an empty piece": ([call(0, "a", "f"), call(0, "a", ""), call(0, None, None)], ("f", "f", "f")),
    "half a character, then the other": (
        [call(0, "a", f"f{HALF}"), call(0, None, OTHER_HALF)],
        ("f\U0001f600", "\ufffd", "f\U0001f600"),
    ),
    "half a character, then all again": (
        [call(0, "a", f"f{HALF}"), call(0, "a", f"f{HALF}{OTHER_HALF}")],
        ("f\ufffdf\U0001f600", "f\U0001f600", "f\U0001f600"),
    ),
    "half a character and no more": ([call(0, "a", f"f{HALF}")], ("f\ufffd", "f\ufffd", "f\ufffd")),
    "one name": ([call(0, "a", "f")], ("f", "f", "f")),
}


@pytest.mark.parametrize(("entries", "names"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("ended_by", ["arguments", "another call", "a finish", "nothing"])
def test_what_several_name_fields_mean_is_the_dialects_to_say(entries, names, ended_by):
    end = {
        "arguments": [chunk(call(0, None, None, "{}"))],
        "another call": [chunk(call(1, "b", "g"))],
        "a finish": [chunk(finish="tool_calls")],
        "nothing": [],
    }[ended_by]
    ids = {entry.get("id") for entry in entries}
    with_id = len(entries) > 1 and ids == {"a"} and all(entry["function"].get("name") for entry in entries)
    for policy, name in zip(("fragment", "snapshot", "auto"), names, strict=True):
        odd = ["ambiguous_call"] * (ids == {None})
        if policy == "auto":
            odd += ["repeated_name"] * (with_id and names[0] != names[2]) + ["ambiguous_call"] * (
                (with_id and names[0] == names[2]) or names[2] in ("ff", "get_get_time")
            )
        for chunks in ([*map(chunk, entries), *end], [chunk(*entries), *end]):
            messages, parser = run(chunks, dialect=Dialect(name=policy))
            assert said(messages)[0] == ("name", name)
            assert parser.result.tool_calls[0].name == name
            assert anomalies(parser) == odd
            assert not (parser.result.tool_calls[0].ready and "ambiguous_call" in odd)


def piece(text="b", known="a", **evidence):
    return Piece(**{**FIRST, "text": text, "known": known, **evidence})


FIRST = {"policy": "auto", "named": False, "own": False, "late_id": False, "cumulative": False}
DECIDED = {
    "complete, same name": piece("a", named=True),
    "complete, other name": piece(named=True),
    "cumulative, other name": piece(cumulative=True),
    "cumulative": piece("ab", policy="snapshot"),
    "first, or fragments": piece(known=""),
    "again with the id": piece("ab", own=True),
    "more with the id, or after it": piece(late_id=True),
    "begins alike": piece("abc", "ab"),
    "the same again": piece("a", "aa"),
    "more": piece(),
}


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_each_rule_for_names_decides_what_no_other_rule_would(rule):
    decides, *others = [each for each in RULES if each.fits(DECIDED[rule.name])]
    assert decides == rule
    assert [(each.decision, each.records) for each in others[:1]] != [(rule.decision, rule.records)]


@pytest.mark.parametrize("policy", ["fragment", "snapshot", "auto"])
@pytest.mark.parametrize(
    ("again", "kinds"),
    [([("a", "f"), ("a", "f")], []), ([("a", "g"), ("a", "f")], ["late_name"]), ([("a", "fg")], ["late_name"])],
)
def test_a_name_that_comes_after_the_arguments_began_changes_nothing_but_is_told(policy, again, kinds):
    late = [chunk(call(0, call_id, name, " ")) for call_id, name in again]
    messages, parser = run([chunk(call(0, "a", "f", "{")), *late], dialect=Dialect(name=policy))
    assert said(messages)[0] == ("name", "f")
    assert found(parser) == [("a", "f", "{" + " " * len(again))]
    assert anomalies(parser) == kinds


NAMELESS = {
    "arguments before the name": (
        [call(0, "a", None, '{"thinking":"x",'), call(0, None, "f"), call(0, None, None, '"a":1}')],
        [("name", "f"), ("arguments", "{"), ("reasoning", "x"), ("arguments", '"a":1}')],
        [("a", "f", '{"thinking":"x","a":1}', "valid", True)],
    ),
    "all arguments before the name": (
        [call(0, "a", None, '{"message":'), call(0, None, None, '"Hi"}'), call(0, "a", "send_message")],
        [("assistant", "Hi")],
        [("a", "send_message", '{"message":"Hi"}', "valid", True)],
    ),
    "no name": ([call(0, "a", None, "{}")], [], [("a", "", "{}", "valid", False)]),
    "an empty name": ([call(0, "a", ""), call(0, None, "", "{")], [], [("a", "", "{", "incomplete", False)]),
    "no name, bad arguments": ([call(0, "a", None, "{,}")], [], [("a", "", "{,}", "invalid", False)]),
    "nothing but an id": ([call(0, "a")], [], [("a", "", "", "empty", False)]),
    "half a character of arguments": (
        [call(0, "a", None, f'{{"a":"{HALF}')],
        [],
        [("a", "", '{"a":"\ufffd', "incomplete", False)],
    ),
}


@pytest.mark.parametrize(("entries", "messages", "calls"), NAMELESS.values(), ids=NAMELESS)
def test_a_call_may_learn_its_name_late_or_never(entries, messages, calls):
    spoken, parser = run([*map(chunk, entries), chunk(finish="tool_calls")])
    assert said(spoken) == [*messages, ("stop", "tool_calls")]
    assert [
        (each.id, each.name, each.arguments, each.verdict, each.ready) for each in parser.result.tool_calls
    ] == calls
    assert anomalies(parser) == ["nameless_call"] * (not calls[0][1])


def test_an_id_that_comes_after_the_name_is_in_the_result_only_wherever_the_stream_is_interrupted():
    chunks = [chunk(call(0, None, "f", '{"a"')), chunk(call(0, "x", None, ":1")), chunk(call(0, None, None, "}"))]
    messages, parser = run(chunks)
    assert {message.tool_call.tool_call_id for message in messages[:-1]} == {None}
    assert parser.result.tool_calls[0].id == "x"
