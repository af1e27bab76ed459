"""A process that calls a function for another one."""

import multiprocessing
import os
import signal
import sys
import time

import pytest

from streamfsm import MisuseError
from streamfsm.testing.worker import Lost, Worker, _work, serve


def divide(number):
    return 1 / number


def test_a_worker_returns_and_raises_what_its_function_does():
    worker = Worker(divide)
    assert worker.call(4, 5) == 0.25
    with pytest.raises(ZeroDivisionError):
        worker.call(0, 5)
    assert worker.call(2, 5) == 0.5
    worker.end()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (time.sleep, ""),
        (os._exit, "ended with exit code 7"),
        (lambda _: os.kill(os.getpid(), signal.SIGTERM), "was ended by SIGTERM"),
    ],
)
def test_a_lost_process_says_why(function, reason):
    with pytest.raises(Lost) as raised:
        Worker(function).call(7, 30 if reason else 0.5)
    assert str(raised.value) == reason


def test_each_argument_is_answered_whatever_the_function_does():
    ours, theirs = multiprocessing.Pipe()
    for argument in (2, 0, "exit", "lambda"):
        ours.send(argument)

    def function(argument):
        if argument == "exit":
            sys.exit(0)
        return (lambda: 0) if argument == "lambda" else divide(argument)

    ours.send(1)

    class Once:
        """The connection, until all was read."""

        def recv(self):
            if not theirs.poll():
                raise EOFError
            return theirs.recv()

        def send(self, answer):
            theirs.send(answer)

    serve(Once(), function)
    answers = [ours.recv() for _ in range(5)]
    assert [raised for raised, _ in answers] == [False, True, True, True, False]
    assert [type(value) for _, value in answers] == [float, ZeroDivisionError, SystemExit, MisuseError, float]


def test_the_process_hears_no_interrupt_and_ends_with_its_connection(monkeypatch):
    ignored = []
    monkeypatch.setattr(signal, "signal", lambda *handler: ignored.append(handler))
    ours, theirs = multiprocessing.Pipe()
    ours.send(4)
    _work(ours, theirs, divide)
    assert ignored == [(signal.SIGINT, signal.SIG_IGN)]
    assert ours.closed
