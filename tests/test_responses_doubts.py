"""Streams of the Responses API that contradict themselves: nothing comes twice, and no guess is ready."""

import json
from typing import Any

import pytest
from helpers import ID, anomalies, counted, fed, run
from helpers import said as told_by
from keeping import check_keeping
from response_events import added, argued, created, done, ended, event, function, message, named, placed, said, thoughts

from streamfsm import Dialect, Limits, MisuseError, StreamParser

A, B = '{"a":1}', '{"b":2}'
CALLED = [created(), added(function()), argued(A)]


def read(stream: list[Any], **options: Any) -> StreamParser:
    """The parser after the stream; from bytes, from snapshots and without keeping texts, it says the same."""
    messages, parser = run(stream, **options)
    check_keeping(stream, **options)
    for at in range(len(stream)):
        before = StreamParser(message_id=ID, **options)
        for each in stream[:at]:
            before.feed(each)
        restored = StreamParser.restore(before.snapshot())
        for each in stream[at:]:
            restored.feed(each)
        restored.close()
        assert restored.result == parser.result
    data = b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in stream)
    told, from_bytes = fed(data, 1, 7, **options)
    assert told_by(told) == told_by(messages)
    assert from_bytes.result == parser.result
    return parser


def calls(parser: StreamParser) -> list[tuple[str, str, bool]]:
    return [(call.name, call.arguments, call.ready) for call in parser.result.tool_calls]


# -- the end -----------------------------------------------------------------------------------------------------------

COMPLETED = {"status": "completed", "output": []}
CUT = [
    (event("incomplete", response=COMPLETED), "incomplete"),
    (event("failed", response=COMPLETED), "failed"),
    (event("cancelled", response=COMPLETED), "cancelled"),
    (event("completed", response={"status": "failed"}), "failed"),
    (event("completed", response={"status": "canceled"}), "canceled"),
    (event("completed", response={"status": "expired"}), "expired"),
    (ended(incomplete_details={"reason": "max_output_tokens"}), "max_output_tokens"),
    (ended(status="incomplete", incomplete_details={"reason": "stop"}), "incomplete"),
    (event("incomplete", response={**COMPLETED, "incomplete_details": {"reason": "content_filter"}}), "content_filter"),
    (event("done", response={"status": "failed"}), "failed"),
    (event("done", response={"incomplete_details": {"reason": "max_output_tokens"}}), "max_output_tokens"),
    (event("done", response={"status": "in_progress"}), "done"),
    (event("done"), "done"),
]


@pytest.mark.parametrize(("last", "word"), CUT)
def test_the_worst_of_what_the_last_event_says_counts(last: Any, word: str):
    parser = read([*CALLED, last])
    assert calls(parser) == [("f", A, False)]
    assert parser.result.finish_reason == word


def test_an_event_that_only_ends_the_response_leaves_the_rest_to_its_status():
    parser = read(
        [*CALLED, event("done", response={"status": "completed", "output": [function(A), message("Hi", "m")]})]
    )
    assert calls(parser) == [("f", A, True)]
    assert (parser.result.content, parser.result.finish_reason, anomalies(parser)) == ("Hi", "completed", [])


def test_a_reason_that_is_left_from_nothing_cut_does_not_count():
    assert calls(read([*CALLED, ended(incomplete_details={"reason": "stop"})])) == [("f", A, True)]
    taught = Dialect(finish_words={"Budget": "tool_calls"})
    last = ended(status="incomplete", incomplete_details={"reason": "budget"})
    assert calls(read([*CALLED, last], dialect=taught)) == [("f", A, True)]
    assert calls(read([*CALLED, last])) == [("f", A, False)]


# -- ids that several items share --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [(("f1", "c"), ("f2", "c")), (("k", "c1"), ("k", "c2")), (("k", "c"), ("k", "c")), (("k", None), ("k", None))],
)
def test_calls_that_share_an_id_come_once(first: Any, second: Any):
    items = [function(A, first[1], "f", first[0]), function(B, second[1], "g", second[0])]
    stream = [
        each
        for at, item in enumerate(items)
        for each in (added({**item, "arguments": ""}, at), argued(item["arguments"], item["id"], at), done(item, at))
    ]
    for last in (ended(*items), ended()):
        parser = read([created(), *stream, last])
        assert calls(parser) == [("f", A, True), ("g", B, True)]
        assert set(anomalies(parser)) == {"duplicate_id"}


def test_texts_that_share_an_id_come_once():
    spoken = [added(message()), said("Hello "), done(message("Hello ")),
              added(message(), 1), said("Bye", index=1), done(message("Bye"), 1)]  # fmt: skip
    last = ended(message("Hello "), message("Bye"), message("!"))
    assert read([created(), *spoken, last]).result.content == "Hello Bye!"
    thought = [done(thoughts("One. ", encrypted_content="A")), done(thoughts("Two.", encrypted_content="B"), 1)]
    began = [added(thoughts(), at) for at in range(2)]
    result = read([created(), *began, *thought, ended(*(each["item"] for each in thought))]).result
    assert result.reasoning == "One. Two."
    assert [each.data for each in result.choices[0].reasoning_details if each.data] == ["A", "B"]


def test_an_id_is_looked_up_in_linear_time_however_many_items_share_it():
    def cost(size: int) -> int:
        items = [message("x") for _ in range(size)]
        stream = [created(), *(added(message(), at) for at in range(size)), ended(*items)]
        with counted() as count:
            run(stream)
        return count()

    cost(10)
    assert cost(200) < 2.5 * cost(100)


# -- calls that come again ---------------------------------------------------------------------------------------------

ONCE = [added(function()), argued(A), done(function(A))]
NOW = function("", "c1", "now")
SQL = {"type": "custom_tool_call", "id": "t1", "call_id": "c1", "name": "sql", "input": "SELECT"}
CLICK = {"type": "computer_call", "id": "i1", "call_id": "c1", "action": {"x": 1}}
BARE = {"type": "function_call", "name": "f", "arguments": A}


def other(item: dict[str, Any], number: int = 2) -> dict[str, Any]:
    """The item with other ids."""
    return {**item, "id": f"other{number}", "call_id": f"other_call{number}"}


@pytest.mark.parametrize(
    "stream",
    [
        [*ONCE, created(), *ONCE],
        [*ONCE, *(added(other(function())), done(other(function(A)))), *(added(function(), 0), done(function(A)))],
        [*ONCE[:2], done(other(function(A)))],
        [*ONCE, ended(function(A), function(A))],
        [done(BARE), done(BARE, 1)],
        [done(BARE, None), added({**BARE, "arguments": ""}, None), argued(A, None, None), done(BARE, None)],
        [done(SQL), done(other(SQL))],
        [done(CLICK), done(other(CLICK))],
        [done(CLICK), done(CLICK, 1)],
        [added(NOW), done(NOW), done(other(NOW))],
        [*ONCE, event("function_call_arguments.done", arguments=A, item_id="x", **placed(0)),
         done({**other(function(A)), "id": "x"})],
    ],
)  # fmt: skip
def test_a_call_that_comes_again_is_ready_once(stream: list[Any]):
    parser = read([created(), *stream, ended()])
    ready = [call.ready for call in parser.result.tool_calls]
    assert ready == [True] + [False] * (len(ready) - 1)
    assert len(ready) >= 2


def test_a_call_that_comes_whole_may_come_again_before_it_has_ended():
    stream = [created(), added({**CLICK, "action": None}), done(other(CLICK))]
    parser = read([*stream, ended(CLICK)])
    assert calls(parser) == [("computer_call", '{"x": 1}', True), ("computer_call", '{"x": 1}', False)]
    parser = read([*stream, ended({**CLICK, "action": {"x": 2}})])
    assert calls(parser) == [("computer_call", '{"x": 1}', True), ("computer_call", '{"x": 2}', True)]


@pytest.mark.parametrize("second", [function(B), function(A, name="g"), function(A, name="g", call_id="c2")])
def test_another_call_at_the_same_place_is_ready(second: dict[str, Any]):
    second = {**second, "id": "f2"}
    parser = read([created(), *ONCE, added({**second, "arguments": ""}), done(second), ended()])
    assert [call.ready for call in parser.result.tool_calls] == [True, True]


@pytest.mark.parametrize("last", [ended(), ended(other(function(A)))])
def test_a_call_whose_place_another_takes_before_anything_came_is_in_doubt(last: Any):
    stream = [created(), added(function()), added(other(function())), argued(A, "other2"), last]
    assert calls(read(stream)) == [("f", "", False), ("f", A, True)]


def test_a_call_without_arguments_whose_place_another_takes_is_ready_if_its_end_is_told():
    stream = [created(), added(NOW), added(other(function())), argued(A, "other2")]
    assert calls(read([*stream, done(NOW), ended()])) == [("now", "", True), ("f", A, True)]
    assert calls(read([*stream, ended(NOW, other(function(A)))])) == [("now", "", True), ("f", A, True)]


def test_calls_side_by_side_at_one_place_are_ready():
    stream = [added(function()), added(other(function())), argued(A), argued(B, "other2")]
    assert calls(read([created(), *stream, ended()])) == [("f", A, True), ("f", B, True)]


# -- arguments that may be another call's ------------------------------------------------------------------------------

G = function("", "c2", "g", "f2")


def test_arguments_where_no_call_began_show_that_all_may_be_at_wrong_places():
    shifted = [added(function(), 1), argued(A, None, 0), added(G, 2), argued(B, None, 1)]
    parser = read([created(), *shifted, ended()])
    assert calls(parser) == [("f", B, False), ("g", A, False)]
    assert "ambiguous_item" in anomalies(parser)
    more = [added(function("", "c3", "h", "f3"), 3), argued("{}", "rotated", 2)]
    assert calls(read([created(), *shifted, *more, ended()])) == [("f", B, False), ("g", "{}", False), ("h", A, False)]


def test_calls_that_are_told_whole_are_certain_wherever_other_arguments_came():
    stray = [argued("{}", None, 7)]
    told = [added(function()), argued(A, None), done(function(A))]
    assert calls(read([created(), *told, *stray, ended()]))[0] == ("f", A, True)
    assert calls(read([created(), *told[:2], *stray, ended(function(A))]))[0] == ("f", A, True)
    assert calls(read([created(), *told[:2], *stray, ended()]))[0] == ("f", A, False)


def test_a_call_without_arguments_does_not_take_those_of_another():
    now, g = function("", "c0", "now", "z2"), function(B, "c1", "g", "z3")
    parser = read([created(), argued(B, None, 1), ended(now, g)])
    assert calls(parser) == [("now", B, False), ("g", B, True)]
    parser = read([created(), done(now), event("function_call_arguments.done", arguments=B, item_id="z3", **placed(0)),
                   done(g), ended()])  # fmt: skip
    assert calls(parser) == [("now", "", True), ("g", B, True)]
    parser = read([created(), done(now), event("function_call_arguments.done", arguments=B, **placed(0)), ended()])
    assert calls(parser) == [("now", B, False)]


def test_arguments_may_come_after_the_end_of_their_own_item():
    whole = event("function_call_arguments.done", arguments=A, item_id="f1", **placed(0))
    assert calls(read([created(), done(function()), whole, ended()])) == [("f", A, True)]


@pytest.mark.parametrize("last", [[done({**CLICK, "action": {"x": 2}})], [ended({**CLICK, "action": {"x": 2}})]])
def test_a_call_that_comes_whole_is_compared_with_what_is_told_again(last: list[Any]):
    parser = read([created(), done(CLICK), *last, ended()])
    assert calls(parser) == [("computer_call", '{"x": 1}', False)]
    assert anomalies(parser)[0] == "snapshot_conflict"
    assert calls(read([created(), done(CLICK), done(CLICK), ended(CLICK)])) == [("computer_call", '{"x": 1}', True)]


def test_thoughts_with_one_id_at_two_places_are_both_kept():
    stream = [done(thoughts(encrypted_content="A")), done(thoughts(encrypted_content="B"), 1)]
    details = read([created(), *stream, ended()]).result.choices[0].reasoning_details
    assert [each.data for each in details] == ["A", "B"]


@pytest.mark.parametrize("second", [A, B])
def test_a_call_that_is_left_empty_while_another_gets_arguments_by_place_is_in_doubt(second: str):
    stream = [created(), added(function()), added(G, 1), argued(A, None, 0), argued(second, None, 0)]
    assert calls(read([*stream, ended()]))[1] == ("g", "", False)
    assert calls(read([*stream, done(G, 1), ended()]))[1] == ("g", "", False)
    assert calls(read([*stream[:-1], done(G, 1), ended()])) == [("f", A, True), ("g", "", True)]
    trusted = Dialect(unmarked_end="complete")
    assert calls(read(stream, dialect=trusted))[1] == ("g", "", False)
    assert "ambiguous_item" not in anomalies(read(stream))
    by_id = [created(), added(function()), added(G, 1), argued(A), ended()]
    assert calls(read(by_id)) == [("f", A, True), ("g", "", True)]


# -- what is told again, and is the same -------------------------------------------------------------------------------


def test_arguments_that_came_twice_are_not_contradicted_by_the_whole():
    whole = event("function_call_arguments.done", arguments=A, item_id="f1", **placed(0))
    for stream in (
        [added(function(A)), argued(A), whole, done(function(A))],
        [added(function()), argued(A), argued(A), whole],
        [added(function()), argued(A), *(argued(each) for each in A), done(function(A))],
    ):
        parser = read([created(), *stream, ended()])
        assert calls(parser) == [("f", A, True)]
        assert anomalies(parser) == ["repeated_arguments"]
    parser = read([created(), added(function()), argued(A), argued(A), done(function(B)), ended()])
    assert calls(parser) == [("f", A, False)]


def test_an_id_of_a_call_that_comes_late_is_no_other_id():
    begun = {**function(), "call_id": None}
    parser = read([created(), added(begun), argued(A), done(function(A)), ended(function(A))])
    assert [(call.id, call.ready) for call in parser.result.tool_calls] == [("c1", True)]
    assert anomalies(parser) == []
    parser = read([created(), added(begun), argued(A), done({**function(A), "call_id": None}), ended()])
    assert [(call.id, call.ready) for call in parser.result.tool_calls] == [("f1", True)]
    parser = read([created(), added(function(call_id="f1")), argued(A), done(function(A)), ended()])
    assert [(call.id, call.ready) for call in parser.result.tool_calls] == [("f1", False)]


def test_text_at_a_place_where_nothing_began_is_that_of_the_only_item_without_text():
    stream = [added(message()), said("Hel", None, 1), said("lo", None, 1), done(message("Hello"))]
    parser = read([created(), *stream, ended(message("Hello"))])
    assert (parser.result.content, anomalies(parser)) == ("Hello", ["ambiguous_item"])
    later = [added(message(item_id="m2"), 1), said("!", "m2", 1)]
    assert read([created(), *stream, *later, ended()]).result.content == "Hello!"
    apart = [added(message()), said("A"), said("B", None, 1), done(message("A")), ended()]
    parser = read([created(), *apart])
    assert (parser.result.content, anomalies(parser)) == ("AB", [])


PARTS = [added(message()), *(said(text, part=at) for at, text in enumerate(("Hel", "lo", "!")))]


def test_one_part_may_hold_the_text_of_several():
    for whole, content, kinds in (
        ("Hello!", "Hello!", []),
        ("Hello!!", "Hello!!", []),
        ("Hel", "Hello!", []),
        ("Hello?", "Hello!", ["snapshot_conflict"]),
        ("Help", "Hello!", ["snapshot_conflict"]),
        ("Bye", "Hello!", ["snapshot_conflict"]),
    ):
        parser = read([created(), *PARTS, done(message(whole)), ended(message(whole))])
        assert (parser.result.content, [*dict.fromkeys(anomalies(parser))]) == (content, kinds)
    parser = run([created(), *PARTS, said("\ud83d", part=2), done(message("Hello!")), ended()])[1]
    assert parser.result.content == "Hello!\ufffd"


def test_a_part_that_came_whole_only_is_not_taken_for_another():
    item = message("A")
    item["content"] = [{"type": "output_text", "text": text} for text in "ABC"]
    parser = read([created(), added(message()), said("B", part=1), done(item), ended(item)])
    assert (parser.result.content, anomalies(parser)) == ("BAC", [])
    parser = read([created(), added(message()), said("A", part=7), done(item), ended(item)])
    assert (parser.result.content, anomalies(parser)) == ("ABC", [])


# -- errors in other shapes --------------------------------------------------------------------------------------------

FAILED = {"code": "c", "message": "No."}
ERRORS = [
    (FAILED, ("c", "No.")),
    ({"detail": "No."}, (None, "No.")),
    ({"errors": ["No.", "Never."]}, (None, "No.; Never.")),
    ({"object": "error", "message": "No."}, (None, "No.")),
    ({"status": 503, "title": "No."}, ("503", "No.")),
    ({"type": "invalid_request_error", "code": "c", "message": "No."}, ("c", "No.")),
    ([{"error": FAILED}], ("c", "No.")),
    ([7, {}, FAILED], ("c", "No.")),
    (event("in_progress", response={"status": "in_progress", "error": FAILED}), ("c", "No.")),
    (event("queued", response={"error": FAILED}), ("c", "No.")),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS)
@pytest.mark.parametrize("rest", [[], [ended()]], ids=["amid", "after the end"])
def test_an_error_of_any_shape_is_the_end(error: Any, expected: Any, rest: list[Any]):
    if rest and isinstance(error, dict) and "type" in error and "response" in error:
        pytest.skip("no event of a response follows its end")
    parser = read([*CALLED, *rest, error, ended()])
    assert parser.result.error is not None
    assert (parser.result.error.code, parser.result.error.message) == expected
    assert calls(parser) == [("f", A, False)]
    assert anomalies(parser) == []


@pytest.mark.parametrize("odd", [[], [7], [said("x")], {"message": "Hello"}, event("warning", **FAILED)])
def test_what_is_no_error_is_none(odd: Any):
    parser = read([*CALLED, odd, ended()])
    assert calls(parser) == [("f", A, True)]
    assert anomalies(parser) in (["not_a_chunk"], ["unknown_event"])


# -- lists of items ----------------------------------------------------------------------------------------------------


def test_items_that_only_an_early_event_lists_are_read():
    begun = event("in_progress", response={"output": [message("Hel"), function(A)]})
    parser = read([created(), begun, event("completed", response={"status": "completed"})])
    assert parser.result.content == "Hel"
    assert calls(parser) == [("f", A, True)]
    parser = read([created(), begun, begun, said("lo"), done(message("Hello")), ended(message("Hello"), function(A))])
    assert (parser.result.content, calls(parser), anomalies(parser)) == ("Hello", [("f", A, True)], [])


def test_a_list_that_is_an_object_is_read_if_it_is_an_item_and_else_kept():
    last = event("completed", response={"status": "completed", "output": message("Hello")})
    assert read([created(), last]).result.content == "Hello"
    odd = {"0": message("Hello")}
    parser = read([created(), event("completed", response={"status": "completed", "output": odd})])
    assert anomalies(parser) == ["wrong_type"]
    assert parser.result.choices[0].extras["output"] == [odd]


# -- texts that come whole when they begin, and again in deltas --------------------------------------------------------

SMILE = "\ud83d\ude00"


def begun(text: str) -> Any:
    """The event that begins a part, with a text."""
    return event("content_part.added", item_id="m1", content_index=0, part={"type": "output_text", "text": text})


def whole(text: str) -> Any:
    return event("output_text.done", item_id="m1", content_index=0, text=text, **placed(0))


@pytest.mark.parametrize(
    ("deltas", "content"),
    [
        (["Hello"], "Hello"),
        ([*"Hello"], "Hello"),
        (["Hel", "lo, you"], "Hello, you"),
        (["Hello", ", you"], "Hello, you"),
        (["Hello, you"], "Hello, you"),
        (["Hel"], "Hello"),  # the rest may come, or not
        ([", you"], "Hello, you"),  # a text that goes on
        (["Hel", "p"], "HelloHelp"),
        (["He", "Hello"], "HelloHeHello"),
    ],
)
def test_a_text_that_comes_whole_when_it_begins_and_again_in_deltas_comes_once(deltas: Any, content: str):
    for first in (
        [added(message("Hello"))],
        [added(message()), begun("Hello")],
        [added(message("Hello")), begun("Hello")],
    ):
        stream = [created(), *first, *map(said, deltas)]
        ends = [] if deltas == ["Hel"] else [whole(content), done(message(content))]
        parser = read([*stream, *ends, ended()])
        assert parser.result.content == content
        assert anomalies(parser) == []


def test_a_text_so_far_that_comes_after_deltas_is_not_a_beginning():
    parser = read([created(), added(message()), said("ha"), begun("ha"), said("ha"), whole("haha"), ended()])
    assert (parser.result.content, anomalies(parser)) == ("haha", [])


@pytest.mark.parametrize(
    ("text", "deltas", "content"),
    [
        (f"a{SMILE}b", [f"a{SMILE}b"], "a😀b"),
        (f"a{SMILE}b", ["a\ud83d", "\ude00b"], "a😀b"),
        (f"a{SMILE}b", ["a\ud83d", "\ude01b"], "a😀ba😁b"),
        (f"a{SMILE}b", ["a\ud83c", "\udf00b"], "a😀ba🌀b"),
        (f"a{SMILE}", [f"a{SMILE}\ud83d", "\ude01"], "a😀😁"),
        ("a\ud83db", ["a\ud83d", "b"], "a\ufffdb"),
        ("a", ["a", "\ud83d", "\ude00"], "a😀"),
    ],
)
def test_a_repeated_beginning_may_be_cut_within_a_character(text: str, deltas: Any, content: str):
    assert read([created(), added(message(text)), *map(said, deltas), ended()]).result.content == content


CUSTOM = {"type": "custom_tool_call", "id": "t1", "call_id": "c1", "name": "p"}


def test_the_input_of_a_custom_tool_may_come_whole_when_the_call_begins():
    delta = event("custom_tool_call_input.delta", item_id="t1", delta="ab", **placed(0))
    for stream, ready in (
        ([added({**CUSTOM, "input": "ab"}), delta, done({**CUSTOM, "input": "ab"})], True),
        ([added({**CUSTOM, "input": "ab"}), ended({**CUSTOM, "input": "ab"})], True),
        ([added({**CUSTOM, "input": "ab"}), delta, done({**CUSTOM, "input": "abab"})], True),
        ([added({**CUSTOM, "input": "ab"}), delta], False),  # once or twice?
        ([added({**CUSTOM, "input": "a"}), delta], False),
    ):
        parser = read([created(), *stream, ended()])
        text = "abab" if ready and "abab" in str(stream) else "ab"
        assert calls(parser) == [("p", text, ready)]


def test_arguments_that_come_when_the_call_begins_and_again_in_pieces_come_once():
    parser = read([created(), added(function(A)), argued(A[:3]), argued(A[3:]), done(function(A)), ended()])
    assert (calls(parser), anomalies(parser)) == ([("f", A, True)], ["repeated_arguments"])


def test_a_beginning_counts_towards_the_limit():
    parser = read([created(), added(message("x" * 3000)), ended()], limits=Limits(total=8000))
    assert parser.result.error.code == "limit"
    assert read([created(), added(message("x" * 3000)), ended()], limits=Limits(total=12000)).result.error is None


@pytest.mark.parametrize(
    "changed",
    [{"at": -1}, {"at": 4}, {"at": 3, "half": 0xD83D}, {"half": 0x61}, {"half": -1}, {"at": 0, "went_on": True}],
)
def test_a_snapshot_in_which_more_than_the_beginning_was_repeated_is_rejected(changed: dict[str, Any]):
    parser = StreamParser(message_id=ID)
    for each in [created(), added(message("abc")), said("a")]:
        parser.feed(each)
    snapshot = parser.snapshot()
    beginning = snapshot["wire"]["source"]["items"]["all"][0]["parts"]["content/0"]["beginning"]
    assert beginning == {"text": "abc", "at": 1, "half": 0, "went_on": False}
    beginning.update(changed)
    with pytest.raises(MisuseError, match="violated"):
        StreamParser.restore(snapshot)


# -- items of which only the end comes --------------------------------------------------------------------------------


def test_of_several_items_only_the_ends_may_come():
    def call(call_id: str | None, name: str) -> Any:
        return done({"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}, None)

    custom = done({**CUSTOM, "id": None, "call_id": "c3", "input": "ab"}, None)
    ends = [
        done(thoughts("a"), None),
        done(thoughts("b", item_id="r2"), None),
        call("c1", "f"),
        call("c2", "g"),
        custom,
    ]
    parser = read([created(), *ends, ended()])
    assert calls(parser) == [("f", "{}", True), ("g", "{}", True), ("p", "ab", True)]
    assert (parser.result.reasoning, anomalies(parser)) == ("ab", [])
    parser = read([created(), call("c1", "f"), call(None, "f"), ended()])  # may be the first once more
    assert calls(parser) == [("f", "{}", False), ("f", "{}", False)]
    parser = read([created(), added(function(), None), call("c1", "f"), call("c1", "f"), ended()])
    assert calls(parser) == [("f", "{}", True)]


# -- thoughts that are listed as another kind --------------------------------------------------------------------------


def summed(text: str, part: int = 0) -> Any:
    return event("reasoning_summary_text.delta", delta=text, **named("r1", part, "summary_index"), **placed(0))


def reasoned(text: str) -> Any:
    return event("reasoning_text.delta", delta=text, **named("r1", 0), **placed(0))


def raw(text: str, kind: str = "reasoning_text", **fields: Any) -> dict[str, Any]:
    return {**thoughts(), "content": [{"type": kind, "text": text}], **fields}


@pytest.mark.parametrize(
    ("deltas", "listed", "details"),
    [
        ([summed("abc")], raw("abc"), [("summary", "abc")]),
        ([summed("abc")], raw("abc", "output_text"), [("summary", "abc")]),
        ([summed("ab"), summed("c", 1)], raw("abc"), [("summary", "ab"), ("summary", "c")]),
        ([summed("ab")], raw("abc"), [("summary", "abc")]),
        ([reasoned("abc")], thoughts("abc"), [("text", "abc")]),
        ([], raw("abc", "output_text"), [("text", "abc")]),
        ([summed("a")], thoughts("a", content=raw("abc")["content"]), [("summary", "a"), ("text", "abc")]),
        ([summed("abc")], raw("x"), [("summary", "abc"), ("text", "x")]),
        ([reasoned("abc")], thoughts("ab", "c"), [("text", "abc"), ("summary", "ab"), ("summary", "c")]),
    ],
)
def test_thoughts_that_are_listed_as_another_kind_come_once(deltas: Any, listed: Any, details: Any):
    for ends in ([done(listed), ended()], [ended(listed)], [done(listed), ended(listed)]):
        parser = read([created(), added(thoughts()), *deltas, *ends])
        assert [(each.type, each.text) for each in parser.result.choices[0].reasoning_details] == details
        assert parser.result.reasoning == "".join(text for _, text in details)
        assert anomalies(parser) == []
    messages, _ = run([created(), added(thoughts()), *deltas, done(listed), ended(listed)], boundaries=True)
    shown = [each for item in messages for each in getattr(item, "details", ())]
    assert {(each.type, each.text) for each in shown} <= {*details}


def test_thoughts_after_the_end_of_their_item_come_with_the_final_list():
    item = thoughts("A")
    stream = [created(), added(thoughts()), summed("A"), done(item), said("B", "m2", 1), summed("C")]
    parser = read([*stream, ended(raw("AC", "output_text"), message("B", "m2"))])
    assert (parser.result.reasoning, parser.result.content) == ("AC", "B")


def test_a_snapshot_in_which_a_part_retells_an_unknown_one_is_rejected():
    parser = StreamParser(message_id=ID)
    for each in [created(), added(thoughts()), summed("abc"), done(raw("abc"))]:
        parser.feed(each)
    snapshot = parser.snapshot()
    part = snapshot["wire"]["source"]["items"]["all"][0]["parts"]["thought/0"]
    assert [*part["retells"]] == [0]
    part["retells"] = [7]
    with pytest.raises(MisuseError, match="violated"):
        StreamParser.restore(snapshot)


# -- arguments that may be those of a call of which nothing came -------------------------------------------------------


def test_arguments_at_an_index_may_be_those_of_a_call_of_which_nothing_came():
    began = [created(), added(function()), added(function("", "c2", "g", "f2"), 1), argued(A, None)]
    assert calls(read([*began, ended()])) == [("f", A, False), ("g", "", False)]
    ends = [done(function(A)), done(function("", "c2", "g", "f2"), 1)]
    assert calls(read([*began, *ends, ended()])) == [("f", A, True), ("g", "", True)]
    assert calls(read([*began, argued(B, None, 1), ended()])) == [("f", A, True), ("g", B, True)]


# -- calls that never end ----------------------------------------------------------------------------------------------


def test_a_call_that_never_ends_may_lack_something_if_the_server_says_when_calls_end():
    whole = event("function_call_arguments.done", arguments=A, item_id="f1", **placed(0))
    delta = event("custom_tool_call_input.delta", item_id="t1", delta="ab", **placed(1))
    custom = [added({**CUSTOM, "call_id": "c2"}, 1), delta]
    empty = [added(function("", "c2", "g", "f2"), 1)]
    for end in (whole, done(function(A))):
        first = [created(), added(function()), argued(A), end]
        assert calls(read([*first, *custom, ended()])) == [("f", A, True), ("p", "ab", False)]
        assert calls(read([*first, *empty, ended()])) == [("f", A, True), ("g", "", False)]
        assert calls(read([*first, *empty, argued(B, "f2", 1), ended()])) == [("f", A, True), ("g", B, True)]
    listed = [{**CUSTOM, "call_id": "c2", "input": "ab"}, function("", "c3", "g", "f3")]
    parser = read([*first, *custom, added(function("", "c3", "g", "f3"), 2), ended(*listed)])
    assert all(call.ready for call in parser.result.tool_calls)
    nothing_ends = [created(), added(function()), argued(A), *custom, ended()]
    assert calls(read(nothing_ends)) == [("f", A, True), ("p", "ab", True)]
