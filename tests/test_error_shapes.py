"""Errors in place of an answer: any shape, as chunks, as events and as a body."""

import json
from typing import Any

import pytest
from helpers import anomalies, chunk, fed, run, said
from pydantic import BaseModel, ConfigDict

# JSON → the code and the words.
ERRORS: list[tuple[Any, str | None, str]] = [
    ({"error": {"message": "m", "type": "t", "code": 400}}, "400", "m"),
    ({"error": {"message": "m", "type": "t"}}, "t", "m"),
    ({"error": {"status": 503, "detail": "m"}}, "503", "m"),
    ({"error": {"message": {"detail": "m"}}}, None, "m"),
    ({"error": {"a": 1}}, None, '{"a":1}'),
    ({"error": "m"}, None, "m"),
    ({"error": "m", "code": 5}, "5", "m"),
    ({"error": ["m", "n"]}, None, "m; n"),
    ({"error": True, "message": "m"}, None, "m"),
    ({"error": "Unauthorized", "message": "m"}, "Unauthorized", "m"),
    ({"error": "Unauthorized", "message": "m", "status": 401}, "401", "m"),
    ({"error": "invalid_grant", "error_description": "m"}, "invalid_grant", "m"),
    ({"type": "error", "error": {"type": "t", "message": "m"}}, "t", "m"),
    ({"type": "error", "code": None, "message": "m"}, None, "m"),
    ({"message": "m"}, None, "m"),
    ({"message": "m", "code": "c"}, "c", "m"),
    ({"code": 1001, "msg": "m", "data": None}, "1001", "m"),
    ({"Message": "m"}, None, "m"),
    ({"statusCode": 429, "message": "m"}, "429", "m"),
    ({"error_code": 336003, "error_msg": "m", "id": "r"}, "336003", "m"),
    ({"success": False, "message": "m", "type": "t"}, "t", "m"),
    ({"status": "error", "reason": "m"}, "error", "m"),
    ({"detail": "m"}, None, "m"),
    ({"detail": {"message": "m"}}, None, "m"),
    ({"detail": [{"type": "missing", "loc": ["body"], "msg": "m"}]}, None, "m"),
    ({"errors": [{"code": 7, "message": "m"}, {"message": "n"}]}, None, "m; n"),
    ({"errors": ["m"]}, None, "m"),
    ({"object": "error", "message": "m", "type": "BadRequestError", "param": None, "code": 400}, "400", "m"),
    ({"status": 503, "title": "m"}, "503", "m"),
    ({"type": "about:blank", "title": "t", "status": 400, "detail": "m"}, "400", "m"),
    ({"base_resp": {"status_code": 1004, "status_msg": "m"}, "choices": None}, "1004", "m"),
    ({"fault": {"faultstring": "m"}}, None, "m"),
    ({"fault": {"faultstring": "m", "detail": {"errorcode": "c"}}}, None, "m"),
    ({"message": "m", "type": "t", "param": None, "code": None}, "t", "m"),
    ({"error_message": "m"}, None, "m"),
    ({"errorMessage": "m", "errorType": "t"}, None, "m"),
    ({"code": "400", "message": "m", "choices": []}, "400", "m"),
    ({"message": "\ud83d", "code": 1}, "1", "\ufffd"),
]


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


@pytest.mark.parametrize(("error", "code", "words"), ERRORS)
def test_an_error_of_any_shape_fails_the_stream_in_its_own_words(error, code, words):
    text = json.dumps(error)
    done = b"data: [DONE]\n\n"
    ways = [
        run([error]),
        run([Anything(**error)]),
        fed(text.encode(), 1),
        fed(b"\xef\xbb\xbf\r\n" + text.encode() + b"\r\n" + done, 1, 7),
        fed(json.dumps(error, indent=2).encode() + b"\n\n" + done, 1, 7),
        fed(f"data: {text}\n\n".encode() + done, 1),
        fed(f"data: {text}\n".encode() + done, 1),
        fed(f"[{text}]".encode(), 1),
        fed(text.encode() + b" \n\n", 1),
    ]
    for messages, parser in ways:
        assert said(messages) == [("stop", "error")]
        assert (parser.result.error.code, parser.result.error.message) == (code, words)
        assert anomalies(parser) == []


@pytest.mark.parametrize(("error", "code", "words"), ERRORS)
def test_an_error_amid_an_answer_fails_it_unless_it_is_a_bare_message(error, code, words):
    bare = error in ({"message": "m"}, {"Message": "m"})
    messages, parser = run([chunk(content="Hi"), error, *([chunk(finish="stop")] if bare else [])])
    assert said(messages) == [("assistant", "Hi"), ("stop", "end_turn" if bare else "error")]
    assert (
        parser.result.error is None
        if bare
        else (parser.result.error.code, parser.result.error.message)
        == (
            code,
            words,
        )
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"code": 0, "message": "Success", "sid": "s"},
        {"code": "200", "message": "OK", "status": "ok"},
        {"status": "queued", "message": "m"},
        {"type": "status", "message": "m"},
        {"id": "r", "object": "chat.completion.chunk", "choices": [], "detail": "m"},
        {"usage": {"prompt_tokens": 1}, "code": 5, "message": "m"},
        {"title": "t"},
        {"error": None, "prompt_filter_results": [{}]},
        {"base_resp": {"status_code": 0, "status_msg": ""}},
        {"code": True, "message": "m", "type": "t"},
        {"code": 10**5000, "detail": None},
        {"message": {"a": 1}},
        {"detail": []},
    ],
)
def test_what_is_no_error_fails_nothing(fields):
    messages, parser = run([fields, chunk(content="Hi", finish="stop")])
    assert said(messages) == [("assistant", "Hi"), ("stop", "end_turn")]
    assert parser.result.error is None


def test_a_deep_error_is_told_as_json():
    deep: Any = "m"
    for _ in range(900):
        deep = {"message": [deep]}
    messages, parser = run([{"error": deep}])
    assert said(messages) == [("stop", "error")]
    assert parser.result.error.message


IN_A_CHOICE = {
    "choice": lambda error: {"error": error},
    "delta": lambda error: {"delta": {"error": error}},
    "message": lambda error: {"message": {"error": error}},
}


@pytest.mark.parametrize("finish", ["error", None])
@pytest.mark.parametrize("place", IN_A_CHOICE)
@pytest.mark.parametrize("make", [dict, lambda fields: Anything(**fields)], ids=["dict", "object"])
def test_an_error_in_a_choice_fails_the_stream_after_all_that_its_chunk_says(make, place, finish):
    error = {"code": 502, "message": "Upstream hung up", "metadata": {"x": 1}}
    entry = {"delta": {"content": "bye"}, "finish_reason": finish}
    entry |= {
        name: {**entry.get(name, {}), **more} if name == "delta" else more
        for name, more in IN_A_CHOICE[place](error).items()
    }
    failed = {
        "choices": [{"index": 0, **entry}, {"index": 1, "delta": {"content": "too"}}],
        "usage": {"prompt_tokens": 9},
    }
    called = chunk({"index": 0, "id": "k", "function": {"name": "f", "arguments": "{}"}})
    _, parser = run([called, make(failed), chunk(finish="tool_calls")])
    result = parser.result
    assert (result.error.code, result.error.message) == ("502", "Upstream hung up")
    assert (result.content, result.choices[1].content, result.usage.input_tokens) == ("bye", "too", 9)
    assert ([each.ready for each in result.tool_calls], result.stop_reason) == ([False], "error")
    assert result.extras == {"error": [{"metadata": {"x": 1}}]}


def test_an_error_comes_after_the_entries_that_wait():
    entries = [chunk(content=text, choice=at) for at, text in enumerate("ab")]
    entries[1]["choices"][0]["error"] = "no"
    _, parser = run(entries)
    assert [choice.content for choice in parser.result.choices] == ["a", "b"]
    assert parser.result.error.message == "no"


@pytest.mark.parametrize("nothing", [None, {}, "", False])
def test_an_error_in_a_choice_that_says_nothing_is_none(nothing):
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "a", "error": nothing}, "error": nothing}]},
        chunk(finish="stop"),
    ]
    assert said(run(chunks)[0]) == [("assistant", "a"), ("stop", "end_turn")]
