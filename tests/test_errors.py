"""The exceptions' tree is the one that the module draws, and each says whose fault it is."""

import copy
import inspect
import pickle
import re

import pytest

from streamfsm import errors
from streamfsm.errors import (
    IllegalTransition,
    MisuseError,
    StaleAttempt,
    StreamError,
    StreamFsmError,
    StreamTimeout,
    TableError,
)

CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}


def drawn():
    """Class → parent, as the module's docstring draws them: four characters a level."""
    parents, path = {}, []
    for branch, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)  ", errors.__doc__, re.MULTILINE):
        path = [*path[: len(branch) // 4], name]
        parents[name] = path[-2] if len(path) > 1 else "Exception"
    return parents


def test_the_tree_is_the_one_that_is_drawn():
    assert drawn() == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}


@pytest.mark.parametrize("kind", CLASSES.values())
def test_every_error_says_whose_fault_it_is(kind):
    assert kind.__doc__
    assert issubclass(kind, StreamFsmError)


@pytest.mark.parametrize("kind", [StreamFsmError, MisuseError, TableError])
def test_misuse_is_a_value_error_and_nothing_else_is(kind):
    assert issubclass(kind, ValueError) == (kind is MisuseError)


each_again = pytest.mark.parametrize(
    "again",
    [lambda error: error, copy.copy, lambda error: pickle.loads(pickle.dumps(error))],  # noqa: S301 - our own
)


@pytest.mark.parametrize("code", [None, "limit", "529"])
@each_again
def test_a_stream_error_keeps_its_words_and_its_code(code, again):
    error = again(StreamError("busy", code))
    assert (str(error), error.code) == ("busy", code)


def test_a_stream_error_need_not_have_a_code():
    assert StreamError("busy").code is None


@each_again
def test_a_timeout_tells_which_deadline_passed(again):
    error = again(StreamTimeout("first_chunk"))
    assert isinstance(error, TimeoutError)
    assert (str(error), error.code, error.deadline) == (
        "the first chunk deadline passed",
        "timeout",
        "first_chunk",
    )


def test_an_illegal_transition_tells_where_it_was():
    error = IllegalTransition("text", "done", "answer")
    assert (error.machine, error.state, error.event) == ("text", "done", "answer")
    assert str(error) == "text: event 'answer' is illegal in state 'done'"


@each_again
def test_a_stale_attempt_tells_which(again):
    error = again(StaleAttempt("a-run", 2))
    assert (str(error), error.run, error.attempt) == ("attempt 2 of run 'a-run' has ended", "a-run", 2)
