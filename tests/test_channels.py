"""Declared channels: what is refused, what they give, and the laws over generated arguments, paths and cuts."""

import asyncio
import copy
import json
import pickle
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from channeling import DOCUMENTS, TOOL, channels, decoded, fed, gave, left, raw, taken
from helpers import ALPHABET, call, call_chunks, chunk, chunked, cut, run, told
from hypothesis import example, given
from hypothesis import strategies as st

from streamfsm import (
    ArgumentMessage,
    Channel,
    MisuseError,
    OpenAIStreamingInterface,
    StreamParser,
    coalesce,
    partial_objects,
)
from streamfsm.channels import Step, parse_path
from streamfsm.core.captured import Channels

# -- declaration -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.content", (Step("member", "content"),)),
        ("$.edits[*].new_text", (Step("member", "edits"), Step("each"), Step("member", "new_text"))),
        ('$.user["first name"]', (Step("member", "user"), Step("member", "first name"))),
        (r"""$['it\'s "it"']""", (Step("member", 'it\'s "it"'),)),
        (r'$["\u00e9\"]"]', (Step("member", 'é"]'),)),
        ("$.é_1[12]", (Step("member", "é_1"), Step("index", place=12))),
        ("$..*", (Step("leaves"),)),
        ("$.form..*", (Step("member", "form"), Step("leaves"))),
    ],
)
def test_a_path_is_its_steps(path: str, steps: Any):
    assert parse_path(path) == steps


SCHEMA = {
    "type": "object",
    "properties": {"content": {"type": "string"}, "edits": {"type": "array", "items": {"$ref": "#/$defs/edit"}}},
    "additionalProperties": False,
    "$defs": {"edit": {"type": "object", "properties": {"new_text": {}}, "additionalProperties": False}},
}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"path": ""}, "begins with"),
        ({"path": "content"}, "begins with"),
        ({"path": "$."}, "cannot be read from character 1"),
        ({"path": "$.a b"}, "cannot be read from character 3"),
        ({"path": "$.1"}, "cannot be read from character 1"),
        ({"path": '$["a]'}, "cannot be read from character 1"),
        ({"path": r'$["\x"]'}, "is not a name"),
        ({"path": "$.a..*.b"}, "nothing can follow"),
        ({"path": "$..*..*"}, "nothing can follow"),
        ({"path": "$"}, "captures every leaf of them"),
        ({"path": "$.a[0]"}, "captures each"),
        ({"path": "$.a", "when": "later"}, "'delta' or 'whole'"),
        ({"path": "$.a", "takes": "copy"}, "'blank' or 'move'"),
        ({"path": "$.a.b", "takes": "move"}, "only a member at the top level"),
        ({"path": "$..*", "takes": "move"}, "only a member at the top level"),
        ({"path": "$.a", "tool": ""}, "a tool's name"),
        ({"path": "$.a", "tool": []}, "a tool's name"),
        ({"path": "$.a", "name": "a b"}, "letters, digits and _"),
        *(
            ({"path": path, "schema": SCHEMA}, "does not allow this path")
            for path in (
                "$.contents",
                "$.content.a",
                "$.edits[*].old",
            )
        ),
    ],
)
def test_what_can_never_match_is_refused_when_it_is_declared(arguments: dict[str, Any], why: str):
    with pytest.raises(MisuseError, match=why):
        Channel(**arguments)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("$.content", "content"),
        ("$.edits[*].new_text", "edits_new_text"),
        ('$["first name"]', "first_name"),
        ("$..*", "leaves"),
        ("$.form..*", "form_leaves"),
        ('$["1"]', "_1"),
        ('$["é"]', "_"),
    ],
)
def test_a_channel_is_named_after_its_path(path: str, name: str):
    assert Channel(path).name == name


def test_a_channel_is_of_some_tools_or_of_any():
    assert [Channel("$.a", tool).is_of("f") for tool in (None, "f", ["f", "g"], "g")] == [True, True, True, False]
    assert Channel("$.a", ["f", "g"]).tool == ("f", "g")


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ([Channel("$.a"), Channel("$.a", name="b")], "capture the same values"),
        ([Channel("$.a"), Channel("$['a']", "f")], "are both named 'a'"),
        ([Channel("$.a"), Channel("$.a.b")], r"'\$.a.b' can never match: channel '\$.a' captures"),
        ([Channel("$.a[*].b", "f"), Channel("$.a", ["f", "g"])], r"'\$.a\[\*\].b' can never match"),
        ([Channel("$.a"), Channel("$.a..*")], "can never match"),
        ([Channel("$..*"), Channel("$..*", name="b")], "capture the same values"),
        ([Channel("$.thinking")], "inner_thoughts_kwarg and channel '.*' capture the same values"),
        ([Channel("$.thinking.plan", "f")], "can never match: inner_thoughts_kwarg captures"),
        ([Channel("$.message", "send_message")], "assistant_kwarg and channel '.*' capture the same values"),
        ([Channel("$.message.text", "send_message")], "can never match: assistant_kwarg captures"),
    ],
)
def test_channels_that_leave_each_other_nothing_are_refused(declared: list[Channel], why: str):
    with pytest.raises(MisuseError, match=why):
        StreamParser(channels=declared)


@pytest.mark.parametrize(
    "declared",
    [
        [Channel("$.a", "f"), Channel("$.a", "g")],
        [Channel("$.a[*]"), Channel("$.a.b")],
        [Channel("$..*"), Channel("$.a"), Channel("$.b.c", when="whole"), Channel("$.b.d..*")],
        [Channel("$.message"), Channel("$.message.text", "other", name="text")][:1],
        [Channel("$.message", "f")],
    ],
)
def test_channels_that_do_not_are_taken(declared: list[Channel]):
    StreamParser(channels=declared)


def test_something_else_in_place_of_a_channel_is_refused():
    with pytest.raises(MisuseError, match="channels"):
        StreamParser(channels=["$.content"])


def test_the_facade_checks_paths_against_the_schemas_of_its_tools():
    tools = [
        {"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}},
        {"name": "f"},
        "odd",
        {"function": 1},
    ]
    OpenAIStreamingInterface(
        tools=tools, channels=[Channel("$.content", TOOL), Channel("$.x", "f"), Channel("$.x", "g")]
    )
    with pytest.raises(MisuseError, match="does not allow this path"):
        OpenAIStreamingInterface(tools=tools, channels=[Channel("$.contents", ["f", TOOL])])


def test_the_facade_yields_their_messages():
    interface = OpenAIStreamingInterface(channels=[Channel("$.content", TOOL)])
    messages = list(interface.process_sync(iter(call_chunks(TOOL, ['{"content":"x"}']))))
    assert [each.text for each in coalesce(messages) if isinstance(each, ArgumentMessage)] == ["x"]


# -- what they give ----------------------------------------------------------------------------------------------------

EDITOR = [
    Channel("$.path", TOOL, when="whole"),
    Channel("$.content", TOOL),
    Channel("$.edits[*].new_text", TOOL, name="edit"),
    Channel("$.options", TOOL, takes="move"),
]
FILE = (
    r'{"path":"a.py","content":"x = \"\u00e9\"\n","edits":[{"at":3,"new_text":"a"},{"new_text":"b"}],'
    '"options":{"force":true}}'
)
GIVEN = [
    ("tool_call_message", None, '{"path":"'),
    ("argument_message", ("path", "$.path", "a.py", True), '"a.py"'),
    ("tool_call_message", None, '","content":"'),
    ("argument_message", ("content", "$.content", None, True), 'x = "é"\n'),
    ("tool_call_message", None, '","edits":[{"at":3,"new_text":"'),
    ("argument_message", ("edit", "$.edits[0].new_text", None, True), "a"),
    ("tool_call_message", None, '"},{"new_text":"'),
    ("argument_message", ("edit", "$.edits[1].new_text", None, True), "b"),
    ("tool_call_message", None, '"}]'),
    ("argument_message", ("options", "$.options", {"force": True}, True), '{"force": true}'),
    ("tool_call_message", None, "}"),
]


def shown(message: Any) -> tuple[str, Any, str]:
    given = isinstance(message, ArgumentMessage)
    how = (message.channel, message.path, message.value, message.done) if given else None
    return message.message_type, how, message.text


@pytest.mark.parametrize("size", [1, 2, 3, 5, 200])
def test_a_coding_agents_file_comes_decoded_in_whatever_pieces(size: int):
    messages, parser = fed(chunked(FILE, size), EDITOR)
    *given, stop = coalesce(messages)
    assert (given[0].tool_call.name, stop.message_type) == (TOOL, "stop_reason")
    assert [shown(message) for message in given] == GIVEN
    assert {(each.tool_call_id, each.tool_name) for each in given if isinstance(each, ArgumentMessage)} == {
        ("call_1", TOOL)
    }
    (parsed,) = parser.result.tool_calls
    assert (parsed.arguments, parsed.ready) == (FILE, True)
    assert parser.result.anomalies == []


def test_each_path_has_its_otid():
    messages, _ = fed([FILE], EDITOR)
    given = [message for message in messages if isinstance(message, ArgumentMessage)]
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    otids = {message.path: message.otid for message in given}
    assert len(set(otids.values())) == len(otids) == 5
    assert all(message.otid == otids[message.path] for message in given)


def test_messages_of_a_channel_can_be_written_and_read_as_json():
    messages, _ = fed(chunked(FILE, 7), EDITOR)
    for message in messages:
        if isinstance(message, ArgumentMessage):
            assert ArgumentMessage.model_validate_json(message.model_dump_json()) == message


def test_neighbours_of_different_paths_or_after_the_end_are_not_joined():
    messages, _ = fed(['{"a":["x","y"],"b":"","b":"z"}'], [Channel("$.a[*]"), Channel("$.b")])
    texts = [(each.path, each.delta) for each in coalesce(messages) if isinstance(each, ArgumentMessage)]
    assert texts == [("$.a[0]", "x"), ("$.a[1]", "y"), ("$.b", ""), ("$.b", "z")]
    alone = [each for each in messages if isinstance(each, ArgumentMessage)]
    assert [(each.path, each.delta) for each in coalesce(alone)] == texts


def test_a_channel_of_another_tool_takes_nothing():
    messages, _ = run(call_chunks("search", [FILE]), channels=EDITOR)
    assert not any(isinstance(message, ArgumentMessage) for message in messages)
    assert raw(messages) == FILE


def test_calls_at_the_same_time_keep_their_own_paths():
    chunks = [
        chunk(call(0, "call_0", TOOL, '{"content":"a'), call(1, "call_1", TOOL, '{"edits":[{},{"new_text":"b')),
        chunk(call(0, arguments="A"), call(1, arguments="B")),
        chunk(call(0, arguments='"}'), call(1, arguments='"}]}')),
    ]
    messages, _ = run(chunks, channels=EDITOR)
    given = [message for message in messages if isinstance(message, ArgumentMessage)]
    for call_id, path, text in (("call_0", "$.content", "aA"), ("call_1", "$.edits[1].new_text", "bB")):
        own = [message for message in given if message.tool_call_id == call_id]
        assert {message.path for message in own} == {path}
        assert "".join(message.delta for message in own) == text


def test_the_message_tool_may_have_channels_too_and_is_never_announced():
    channels = [Channel("$.mood", "send_message"), Channel("$..*"), Channel("$.message")]
    arguments = '{"thinking":"Hm","mood":"ha","message":"Hi","to":{"id":7,"name":"Bo"}}'
    messages, _ = run(call_chunks("send_message", [arguments]), channels=channels)
    assert [shown(message)[1:] for message in coalesce(messages)][:-1] == [
        (None, "Hm"),
        (("mood", "$.mood", None, True), "ha"),
        (None, "Hi"),
        (("leaves", "$.to", {}, False), "{}"),
        (("leaves", "$.to.id", 7, True), "7"),
        (("leaves", "$.to.name", None, True), "Bo"),
    ]


def test_thoughts_leave_with_their_member_beside_declared_channels():
    messages, _ = fed(['{"a":"x", "thinking":"Hm", "b":2}'], [Channel("$..*")], inner_thoughts_kwarg="thinking")
    assert json.loads(raw(messages)) == {"a": "", "b": 2}
    assert [each.text for each in told(messages) if each.kind == "reasoning"] == ["Hm"]


# -- odd arguments -----------------------------------------------------------------------------------------------------


def values(text: str, *declared: Channel, **options: Any) -> list[Any]:
    messages, _ = fed([text], list(declared), **options)
    return [shown(message)[1:] for message in coalesce(messages) if isinstance(message, ArgumentMessage)]


def test_values_of_any_type_come_whole():
    channel = Channel("$.a", name="c")
    for text in ("null", "12", "-0.5e1", "true", "[]", '{"b":["\\n"]}', "1e999"):
        value = json.loads(text)
        assert values(f'{{"a":{text} }}', channel) == [(("c", "$.a", value, True), json.dumps(value))]
    assert values('{"b":1,"a":""}', channel) == [(("c", "$.a", None, True), "")]
    assert values('{"b":1}', channel) == []


def test_bad_escapes_and_lone_surrogates_in_a_value_are_what_they_are_in_a_string():
    text = r'{"a":["\x \ud83d \\ud83d \u0041 \ud83d\ude00 \u12","' + '\n"]}'
    assert values(text, Channel("$.a", name="c")) == [
        (
            ("c", "$.a", ["\\x \ufffd \\ud83d A \U0001f600 \\u12", "\n"], True),
            json.dumps(["\\x \ufffd \\ud83d A \U0001f600 \\u12", "\n"]),
        )
    ]


@pytest.mark.parametrize("value", ["[" * 100_000 + "]" * 100_000, "1" * 5000])
def test_a_value_that_python_cannot_decode_comes_as_its_text(value: str):
    assert values(f'{{"a":{value}}}', Channel("$.a", name="c")) == [(("c", "$.a", None, True), value)]


def test_leaves_far_down_come_in_one_value():
    depth = 600
    text = '{"a":' * depth + '"x"' + "}" * depth
    *above, last = values(text, Channel("$..*"))
    assert len(above) == 511  # the path is longer than 1024 characters
    assert last[0][1] == "$" + ".a" * 512
    assert values('{"%s":{"b":[1]}}' % ("k" * 2000), Channel("$..*")) == [
        (("leaves", "$." + "k" * 2000, {"b": [1]}, True), '{"b": [1]}')
    ]


def test_paths_may_share_their_beginnings_and_the_leaves_of_several_places():
    text = '{"a":{"b":"1","c":"2","d":"3"},"e":{"f":"4","g":{"h":"5"}}}'
    names = {"$.a.b": "b", "$.a.c": "c", "$.e.f": "f", "$..*": "leaves"}
    messages, _ = fed([text], [Channel(path, name=name) for path, name in names.items()])
    found = [(each.channel, each.path, each.value) for each in gave(messages) if each.how != "opens"]
    assert found == [
        ("b", "$.a.b", "1"),
        ("c", "$.a.c", "2"),
        ("leaves", "$.a.d", "3"),
        ("f", "$.e.f", "4"),
        ("leaves", "$.e.g.h", "5"),
    ]


BROKEN = {
    "after a string": ('{"a":"x" "b"', [("$.a", "x", True)], '{"a":"" "b"'),
    "in a value that stays": ('{"b":[1,}', [], '{"b":[1,}'),
    "in a value that moves": ('{"a":"","c":[1,}x', [("$.a", "", True)], '{"a":""[1,}x'),
    "cut in a string": ('{"a":"x\\u00', [("$.a", "x", False)], '{"a":"'),
    "cut after half a pair": (r'{"a":"x\ud83d\u', [("$.a", "x\ufffd", False)], '{"a":"'),
    "cut in a string that is to be whole": ('{"d":"x\\ud83d', [], '{"d":"'),
    "cut in a value that stays, in a number": ('{"b":12', [], '{"b":12'),
    "cut in a value that moves, in a string": (r'{"c":["x\u00', [], "{"),
    "cut before a key": ('{"a":"x", "b', [("$.a", "x", True)], '{"a":"", "b'),
}


@pytest.mark.parametrize(("text", "given", "rest"), BROKEN.values(), ids=BROKEN)
def test_nothing_is_whole_that_did_not_end_and_nothing_is_lost_at_an_error(text: str, given: Any, rest: str):
    declared = [Channel("$.a"), Channel("$.b"), Channel("$.c", takes="move"), Channel("$.d", when="whole")]
    for pieces in ([text], list(text)):
        messages, parser = fed(pieces, declared)
        found = [each for each in coalesce(messages) if isinstance(each, ArgumentMessage)]
        assert [(each.path, each.text, each.done) for each in found] == given
        assert raw(messages) == rest
        assert parser.result.tool_calls[0].arguments == text


def test_an_error_in_the_message_tool_is_spoken_with_what_moved():
    declared = [Channel("$.mood", "send_message", takes="move")]
    messages, _ = run(call_chunks("send_message", ['{"mood":[1,}']), channels=declared)
    assert [each.text for each in told(messages) if each.kind == "assistant"] == ["[1,}"]


# -- the laws ----------------------------------------------------------------------------------------------------------


@st.composite
def in_pieces(draw: Any, documents: st.SearchStrategy[str]) -> tuple[str, list[str]]:
    document = draw(documents)
    return document, cut(document, draw(st.lists(st.integers(0, len(document)), max_size=10)))


@st.composite
def damaged(draw: Any) -> str:
    document = draw(DOCUMENTS)
    start = draw(st.integers(0, len(document)))
    end = min(len(document), start + draw(st.integers(0, 3)))
    return document[:start] + draw(st.text(ALPHABET + "01-e", max_size=2)) + document[end:]


@given(in_pieces(DOCUMENTS), channels())
@example(('{"a":{"b":"x"},"a":{"b":"y"}}', ['{"a":{"b":"x"},"a":{"b":"y"}}']), [Channel("$..*", TOOL)])
def test_nothing_lost_nothing_invented_by_channels(cut_document: tuple[str, list[str]], declared: list[Channel]):
    document, pieces = cut_document
    messages, parser = fed(pieces, declared)
    value = decoded(document)
    assert gave(messages) == list(taken(value, declared))
    assert decoded(raw(messages)) == left(value, declared)
    (parsed,) = parser.result.tool_calls
    assert (parsed.arguments, parsed.verdict) == (document, "valid")


def outcome(pieces: list[str], declared: list[Channel]) -> Any:
    trace: list[Any] = []
    messages, parser = fed(pieces, declared, trace=trace)
    steps = [step._replace(seq_id=None) if hasattr(step, "_replace") else step for step in trace]
    path = [(step.machine, step.state, step.event, step.target) for step in steps if step.event != "text"]
    dumped = [message.model_dump(exclude={"date"}) for message in coalesce(messages)]
    return dumped, path, parser.result


@given(in_pieces(DOCUMENTS | damaged()), channels())
def test_split_merge_invariance_of_channels(cut_document: tuple[str, list[str]], declared: list[Channel]):
    document, pieces = cut_document
    assert outcome(pieces, declared) == outcome([document], declared)


@pytest.mark.parametrize(
    "document", [FILE, r'{"a":{"a":["\ud83d\ude00",{"b":"\u0061"},null]},"a":"", "b":1.5e3 } x', '{"a":"\\x","b":[1}']
)
@pytest.mark.parametrize(
    "declared",
    [EDITOR, [Channel("$..*", TOOL)], [Channel("$.a.a[*]", TOOL, when="whole"), Channel("$.b", TOOL, takes="move")]],
    ids=["editor", "leaves", "some"],
)
def test_split_merge_invariance_of_channels_exhaustively(document: str, declared: list[Channel]):
    whole = outcome([document], declared)
    for at in range(len(document) + 1):
        assert outcome([document[:at], document[at:]], declared) == whole
    assert outcome(list(document), declared) == whole


@given(in_pieces(DOCUMENTS | damaged()), channels())
def test_append_only_output_grammar_and_auditable_of_channels(
    cut_document: tuple[str, list[str]], declared: list[Channel]
):
    trace: list[Any] = []
    messages, _ = fed(cut_document[1], declared, trace=trace)
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    assert [step.seq_id for step in trace if step.seq_id is not None] == list(range(len(messages)))
    names = {channel.name for channel in declared}
    for before, message in zip([None, *messages], messages, strict=False):
        assert not any("\ud800" <= char <= "\udfff" for char in message.text)
        if isinstance(message, ArgumentMessage):
            assert message.channel in names
            assert message.done or message.delta or message.value in ({}, [])
        place = (type(message), getattr(message, "path", None))
        if before is not None:
            assert (before.otid == message.otid) == ((type(before), getattr(before, "path", None)) == place)


@pytest.mark.slow("reads again after each character")
@pytest.mark.usefixtures("uncounted")
@given(DOCUMENTS, channels())
def test_promptness_of_channels(document: str, declared: list[Channel]):
    """What comes after each character is what comes of so much of the document in one piece; strings do not wait."""
    parser = StreamParser(channels=declared, inner_thoughts_kwarg=None)
    parser.feed(chunk(call(0, "call_1", TOOL)))
    came: list[Any] = []
    for at, char in enumerate(document, 1):
        came += parser.feed(chunk(call(0, arguments=char)))
        whole = StreamParser(channels=declared, inner_thoughts_kwarg=None)
        whole.feed(chunk(call(0, "call_1", TOOL)))
        assert [shown(each) for each in coalesce(came)] == [
            shown(each) for each in coalesce(whole.feed(chunk(call(0, arguments=document[:at]))))
        ]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('{"a":"x', "x"),
        ('{"a":"x\\', "x"),
        ('{"a":"x\\n', "x\n"),
        (r'{"a":"x\ud83d\ude0', "x"),
        (r'{"a":"x\ud83d\ude00', "x\U0001f600"),
        (r'{"a":"x\ud83dy', "x\ufffdy"),
    ],
)
def test_only_an_unfinished_escape_or_pair_is_held_back(text: str, given: str):
    parser = StreamParser(channels=[Channel("$.a")])
    messages = parser.feed(chunk(call(0, "call_1", TOOL, text)))
    assert messages[-1].delta == given


@given(in_pieces(DOCUMENTS | damaged()), channels(), st.data())
def test_a_parser_stored_in_the_middle_of_a_captured_value_goes_on(
    cut_document: tuple[str, list[str]], declared: list[Channel], data: st.DataObject
):
    _, pieces = cut_document
    expected, straight = fed(pieces, declared)
    again = data.draw(
        st.sampled_from(
            [
                lambda parser: StreamParser.restore(json.loads(json.dumps(parser.snapshot()))),
                copy.deepcopy,
                lambda parser: pickle.loads(pickle.dumps(parser)),  # noqa: S301 - our own
            ]
        )
    )
    parser = StreamParser(
        channels=declared, message_id=straight.message_id, inner_thoughts_kwarg=None, date=expected[0].date
    )
    messages = parser.feed(chunk(call(0, "call_1", TOOL)))
    for piece in pieces:
        parser = again(parser)
        messages += parser.feed(chunk(call(0, arguments=piece)))
    messages += parser.feed(chunk(finish="tool_calls")) + parser.close()
    assert [each.model_dump() for each in messages] == [each.model_dump() for each in expected]
    assert parser.result == straight.result


def test_copies_share_what_is_captured():
    captured = Channels(("thinking",), None, "message", (Channel("$.a"),)).of("f")
    for again in (copy.deepcopy(captured), pickle.loads(pickle.dumps(captured))):  # noqa: S301 - our own
        assert again is captured
    assert copy.deepcopy(captured.trie) is captured.trie


# -- the page ----------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[1] / "docs" / "channels.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), SHOWN, ids=["editor", "order"])
def test_the_examples_of_the_page_print_what_it_says(code: str, output: str, capsys: pytest.CaptureFixture[str]):
    exec(compile(code, "channels.md", "exec"), {"__name__": "page"})  # noqa: S102 - our own code
    assert capsys.readouterr().out == output


def test_the_three_lines_of_the_page_show_an_order(capsys: pytest.CaptureFixture[str]):
    *_, lines = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"__name__": "page", "partial_objects": partial_objects}
    exec(compile(SHOWN[1][0], "channels.md", "exec"), names)  # noqa: S102 - our own code
    exec(compile(lines, "channels.md", "exec"), names)  # noqa: S102 - our own code
    capsys.readouterr()

    async def stream() -> AsyncIterator[Any]:
        for each in call_chunks("order", ['{"customer":"Bo","pa', 'id":true}']):
            yield each

    asyncio.run(names["show"](OpenAIStreamingInterface(channels=[Channel("$..*", "order")]), stream()))
    assert capsys.readouterr().out == "customer='Bo' items=None paid=None\ncustomer='Bo' items=None paid=True\n"
