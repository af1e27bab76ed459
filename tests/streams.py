"""Logical streams and options for our own laws: the kit's, with all that our parser reads."""

from typing import Any

from hypothesis import strategies as st

from streamfsm import ThinkTags
from streamfsm.testing import (
    Stream,
    TracedParser,
    arguments,
    chunkings,
    damaged_arguments,
    logical_streams,
    run,
)
from streamfsm.testing.streams import ENVELOPE

__all__ = ["ENVELOPE", "SHAPES", "Stream", "chunkings", "options", "outcome", "streams"]


def streams(*, choices: int = 2, calls: int = 3) -> st.SearchStrategy[Stream]:
    """Streams of all text fields, with arguments that are damaged as often as whole."""
    return logical_streams(
        arguments=arguments() | damaged_arguments(),
        fields=("reasoning", "content", "refusal"),
        max_choices=choices,
        max_calls=calls,
    )


TAGS = [
    [("<think>", "</think>")],
    [("aab", "ba")],
    [("[", "]")],
    [("|", "|")],
    [("<think>", "</think>"), ("<thing>", "</t>"), ("ab", "ba"), ("b", "ab")],
]
MODES = (("outside", "inside", "auto"), ("start", "anywhere"))


def think_tags(pairs: list[tuple[str, str]], starts: Any, where: Any) -> list[ThinkTags]:
    """The pairs, in the same modes."""
    return [ThinkTags(*pair, starts, where) for pair in pairs]


options = st.fixed_dictionaries(
    {},
    optional={
        "inner_thoughts_kwarg": st.sampled_from([None, "thinking", ("thinking", "a"), "message"]),
        "assistant_tool": st.sampled_from([None, "send_message", "search"]),
        "assistant_kwarg": st.sampled_from(["message", "q"]),
        "reasoning_model": st.sampled_from([None, True, False]),
        "think_tags": st.none() | st.builds(think_tags, st.sampled_from(TAGS), *map(st.sampled_from, MODES)),
        "requires_approval_tools": st.just(("search",)),
    },
)


def outcome(chunks: list[Any], **options: Any) -> dict[str, Any]:
    """All that law 1 promises to be the same for every chunking."""
    return run(lambda: TracedParser(**options), chunks, seconds=60).result


# Arguments that grow with a number, some of them hard on a parser.
SHAPES = {
    "a long message": lambda n: '{"message":"' + "word " * n + '"}',
    "a long key": lambda n: '{"' + "k" * n + '":1}',
    "many keys": lambda n: "{" + ",".join(f'"{at}":1' for at in range(n)) + "}",
    "depth": lambda n: '{"a":' + "[" * n + "]" * n + "}",
    "escapes": lambda n: '{"message":"' + "\\n" * n + '"}',
    "surrogate pairs": lambda n: '{"message":"' + "\\ud83d\\ude00" * n + '"}',
    "white space": lambda n: "{" + " " * n + "}",
    "a long number": lambda n: '{"a":' + "1" * n + "}",
    "not JSON": lambda n: "x" * n,
}
