"""The check of law 10 finds calls that are ready and wrong, and nothing else."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streamfsm import StreamParser
from streamfsm.testing import (
    LawBroken,
    Stream,
    accented,
    arguments,
    check_ready_is_true,
    dialects,
    faults,
    logical_streams,
    ready_calls,
)
from streamfsm.testing import streams as of
from streamfsm.testing.quirks import QUIRKS

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import ready as drawn

CALLS = logical_streams(
    names=st.sampled_from(["f", "g", "search", "get_weather"]),
    arguments=arguments() | st.sampled_from(["", "{}", "null"]),
)


def parse():
    return StreamParser(assistant_tool=None)


OTHER_IDS = {"another id in every entry", "another id in later entries"}
"""With an index of its own for every entry, they leave nothing by which a call's entries belong together."""


@settings(derandomize=True)  # fuzz/ready.py tries a million others
@given(st.data(), CALLS)
def test_executable_is_a_fact_under_every_accent_and_damage(data, stream):
    quirks = data.draw(dialects(certain=False))
    names = {quirk.name for quirk in quirks}
    assume(not (names & OTHER_IDS and "an index of its own for every entry" in names))
    chunks = accented(stream.plain(), quirks)
    check_ready_is_true(parse, stream, chunks)
    if "a finish after every chunk" not in names:  # it would say that the rest is all
        check_ready_is_true(parse, stream, data.draw(faults(garbage=False))(chunks).plain())


@pytest.mark.slow("many streams")
@pytest.mark.parametrize("quirk", QUIRKS, ids=repr)
def test_executable_is_a_fact_under_each_quirk(quirk):
    for first, second in (("{}", '{"x":{"y":[]}}'), ('{"x":1}', ""), ('{"x":1}', '{"x":1}'), ("", "")):
        for names in ("fg", "ff"):
            calls = [*of.call(0, names[0], first), *of.call(1, names[1], second)]
            stream = Stream([*calls, *of.finish("tool_calls")])
            places = range(len(stream.pieces))
            for chunks in (stream.plain(), stream.cut(places), stream.cut(places[::3])):
                check_ready_is_true(parse, stream, accented(chunks, [quirk]))


class Answering:
    """A parser whose result is given."""

    def __init__(self, *calls):
        self.result = SimpleNamespace(choices=[SimpleNamespace(tool_calls=calls)])

    def feed(self, _):
        return []

    def close(self):
        return []


def ready(name, text):
    return SimpleNamespace(name=name, arguments=text, ready=True)


SAID = Stream([*of.call(0, "f", '{"x": 1, "y": null}'), *of.call(1, "f", ""), *of.finish("tool_calls")])


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (ready("f", '{"y":null,"x":1}'),),
        (ready("f", "{}"), ready("f", '{"x":1,"y":null}')),
        (ready("f", " null"),),
        (SimpleNamespace(name="g", arguments="", ready=False),),
    ],
)
def test_what_the_model_made_may_be_ready(calls):
    check_ready_is_true(lambda: Answering(*calls), SAID)


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (ready("g", ""), "g({})"),
        (ready("f", '{"x":2}'), 'f({"x": 2})'),
        (ready("f", '{"x":1'), 'f({"x":1)'),
        (ready("f", "0"), "f(0)"),
    ],
)
def test_anything_else_is_found_and_shown(call, shown):
    with pytest.raises(LawBroken, match="ready is true") as broken:
        check_ready_is_true(lambda: Answering(call), SAID)
    assert shown in str(broken.value)


def test_a_call_that_is_ready_once_too_often_is_found():
    with pytest.raises(LawBroken, match="ready is true"):
        check_ready_is_true(lambda: Answering(*[ready("f", "")] * 2), SAID)


def test_another_result_is_read_as_the_caller_says():
    stream = Stream(of.call(0, "f", "{}"))
    check_ready_is_true(Answering, stream, ready=lambda _: [("f", "{}")])
    with pytest.raises(LawBroken, match="g"):
        check_ready_is_true(Answering, stream, ready=lambda _: [("g", json.dumps({}))])


def test_ready_calls_are_those_of_all_choices():
    calls = [*of.call(0, "f", "{}"), *of.finish("stop"), *of.call(0, "g", "{}", 1), *of.finish("stop", 1)]
    parser = parse()
    for chunk in Stream(calls).plain():
        parser.feed(chunk)
    parser.close()
    assert ready_calls(parser.result) == [("f", "{}"), ("g", "{}")]


@pytest.mark.slow("many streams")
def test_executable_is_a_fact_in_streams_drawn_at_random():
    """A few of those that ``fuzz/ready.py`` draws: always the same, for they are numbered."""
    assert sum(map(drawn.check, range(2_000))) > 1_000
