"""Which counts of tokens the result has after several reports."""

import json

import pytest
from helpers import chunk, nested, run

from streamfsm import Limits, StreamParser


def usage(prompt=None, completion=None, *, cached=None, reasoning=None):
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


# Reports, one a chunk → input, output, cached, reasoning, source.
USAGE = {
    "none": ([], (None, None, None, None, "absent")),
    "one": ([usage(5, 7)], (5, 7, None, None, "reported")),
    "cumulative": ([usage(5, 1), usage(5, 2), usage(5, 3)], (5, 3, None, None, "reported")),
    "split over chunks": ([usage(5), usage(None, 7), usage(cached=2)], (5, 7, 2, None, "reported")),
    "null later": ([usage(5, 7, cached=2), usage(), {"prompt_tokens": None}], (5, 7, 2, None, "reported")),
    "zero is no null": ([usage(5, 7, reasoning=3), usage(5, 7, reasoning=0)], (5, 7, None, 0, "reported")),
    "details": ([usage(5, 7, cached=2, reasoning=3)], (5, 7, 2, 3, "reported")),
    "details that are null": (
        [{"prompt_tokens": 5, "prompt_tokens_details": None, "completion_tokens_details": None}],
        (5, None, None, None, "reported"),
    ),
    "nothing but nulls": ([usage()], (None, None, None, None, "absent")),
    "nothing that is known": ([{"queue_time": 0.1}], (None, None, None, None, "absent")),
    "no numbers": ([{"prompt_tokens": "5", "completion_tokens": 7}], (None, 7, None, None, "reported")),
}


@pytest.mark.parametrize(("reports", "kept"), USAGE.values(), ids=USAGE)
@pytest.mark.parametrize(
    "place",
    [
        lambda report: {"choices": [], "usage": report},
        lambda report: chunk(content="x", usage=report),
        lambda report: {**chunk(finish="stop"), "x_groq": {"id": "r", "usage": report}},
    ],
    ids=["in a chunk of its own", "beside text", "in x_groq"],
)
def test_usage_is_the_last_that_was_said_of_each_count(reports, kept, place):
    _, parser = run([chunk(content="Hi"), *map(place, reports), chunk(finish="stop")])
    assert tuple(parser.result.usage.model_dump(exclude={"raw"}).values()) == kept


@pytest.mark.parametrize("usage", [nested(150, {}), {"prompt_tokens": 1, "x": nested(150, {})}])
def test_usage_too_deep_to_be_written_is_counted_and_can_be_restored(usage):
    parser = run([chunk(content="a", usage=usage)])[1]
    assert parser.result.usage.raw is None
    assert StreamParser.restore(json.loads(json.dumps(parser.snapshot()))).result == parser.result


def test_usage_that_reaches_a_limit_leaves_what_there_was_room_for():
    parser = StreamParser(limits=Limits(total=600))
    parser.feed({"choices": [], "usage": {"completion_tokens": 3, "odd": "x" * 50}})
    assert parser.result.error.code == "limit"
    assert (parser.result.usage.output_tokens, parser.result.usage.raw) == (3, {"completion_tokens": 3})
    assert StreamParser.restore(parser.snapshot()).result == parser.result
