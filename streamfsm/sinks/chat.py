"""Chat Completions, as OpenAI streams them: a grammar for checking, without a sink.

Where other servers deviate, the parser accepts more than this table: the table has only what every client can read.
"""

from collections.abc import Iterator

from streamfsm.machines.declaration import Row
from streamfsm.sinks.grammar import DONE, Event, Grammar, Part, Word, table

# fmt: off
_RESPONSE = (
    Row("open",   "usage",  "counted", None, "the last chunk, without a choice, if the request asked for usage"),
    Row("open",   "empty",  "open",    None, "a chunk without a choice, such as a filter's report on the prompt"),
    Row("open",   "error",  "failed",  None, "the server failed"),
    Row("open",   DONE,     "done",    None, "the end of the body"),
    Row("counted", DONE,    "done",    None, "the end of the body"),
    Row("failed", DONE,     "failed",  None, "some servers end the body even then"),
)
_CHOICE = (
    Row("absent",   "delta",  "speaking", None, "its first chunk"),
    Row("speaking", "delta",  "speaking", None, "more of the answer"),
    Row("absent",   "finish", "finished", None, "an answer in one chunk"),
    Row("speaking", "finish", "finished", None, "the answer is complete"),
)
_CALL = (
    Row("absent",  "call",      "begun", None, "its first entry has the id and the name"),
    Row("begun",   "arguments", "begun", None, "more of its arguments"),
)
# fmt: on


def _read(event: Event) -> Iterator[Word]:
    if event == DONE:
        yield Word(DONE, {})
        return
    if event.get("error"):
        yield Word("error", event)
        return
    for choice in event["choices"]:
        where = {"choice": choice["index"]}
        for call in choice["delta"].get("tool_calls") or ():
            function = call.get("function") or {}
            begins = call.get("id") and function.get("name")
            yield Word("call" if begins else "arguments", {**where, "index": call["index"]})
        yield Word("finish" if choice.get("finish_reason") else "delta", where)
    if not event["choices"]:
        yield Word("usage" if event.get("usage") else "empty", event)


GRAMMAR = Grammar(
    "chat",
    (
        Part(
            table(
                "response",
                {
                    "open": "chunks are coming",
                    "counted": "all choices have ended",
                    "done": "nothing follows",
                    "failed": "nothing follows",
                },
                ("done", "failed"),
                _RESPONSE,
            )
        ),
        Part(
            table(
                "choice",
                {"absent": "not begun", "speaking": "the model answers", "finished": "its finish reason has come"},
                ("finished",),
                _CHOICE,
            ),
            ("choice",),
            inside="response",
            may_speak=("open",),
            ends_before=("counted", "done"),
        ),
        Part(
            table("call", {"absent": "not begun", "begun": "its arguments are coming"}, ("begun",), _CALL),
            ("choice", "index"),
            inside="choice",
            may_speak=("absent", "speaking"),
        ),
    ),
    read=_read,
)
