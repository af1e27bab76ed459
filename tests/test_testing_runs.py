"""A guarded run: what parsers do that would end, hang or fool the process that tests them."""

import faulthandler
import os
import pickle
import re
import signal
import threading
import time
from functools import partial
from itertools import repeat

import pytest
from parsers import Plain, Strips

from streamfsm import MisuseError
from streamfsm.testing import (
    LawBroken,
    OwnProcess,
    Stream,
    TracedParser,
    check_split_invariance,
    check_total,
    fuzz,
    run,
)
from streamfsm.testing.runs import equal
from streamfsm.testing.streams import call, finish, text

pytestmark = pytest.mark.slow("a process for each parser")

CHUNKS = Stream([*text("content", "some words, and more"), *call(0, "f", '{"a":"b"}'), *finish("stop")]).plain()


class Hostile(Plain):
    """Does something to the process that it runs in, at the second chunk."""

    def __init__(self, do):
        super().__init__()
        self.do, self.count = do, 0

    def feed(self, chunk):
        self.count += 1
        if self.count == 2:
            self.do()
        return [*super().feed(chunk)]


def raises(error):
    raise error


def hangs_in_c():
    "x" in repeat("y")  # noqa: B015 - which looks at no signal


def swallows():
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:  # noqa: BLE001, PERF203, S110 - all of them
            pass


def resets_the_alarm():
    signal.setitimer(signal.ITIMER_REAL, 0)
    swallows()


def closes_its_files():
    os.closerange(3, 1 << 12)
    resets_the_alarm()


def blocks_the_alarm():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    swallows()


@pytest.mark.parametrize(
    "error",
    [SystemExit(0), GeneratorExit(), BaseException("x"), StopIteration()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("wrap", [lambda parse: parse, OwnProcess], ids=["this process", "its own process"])
def test_whatever_a_parser_raises_is_a_finding(error, wrap):
    parse = wrap(partial(Hostile, partial(raises, error)))
    with pytest.raises(LawBroken, match=rf"^total is broken: the parser raised {re.escape(repr(error))}, at chunk 2\n"):
        check_total(parse, CHUNKS)


def test_an_interrupt_is_the_users_unless_the_parser_has_a_process_of_its_own():
    parse = partial(Hostile, partial(raises, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        check_total(parse, CHUNKS)
    with pytest.raises(LawBroken, match=r"the parser raised KeyboardInterrupt\(\)"):
        check_total(OwnProcess(parse), CHUNKS)


@pytest.mark.parametrize(
    ("do", "problem"),
    [
        (hangs_in_c, "no answer within 0.5 seconds, at chunk 2"),
        (swallows, "no answer within 0.5 seconds, at chunk 2"),
        (resets_the_alarm, "no answer within 0.5 seconds, at chunk 2"),
        (blocks_the_alarm, "no answer within 0.5 seconds, at chunk 2"),
        (partial(os._exit, 0), "the parser's process ended with exit code 0, at chunk 2"),
        (closes_its_files, "the parser's process closed its files, at chunk 2"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "the parser's process was ended by SIGKILL, at chunk 2"),
    ],
    ids=["in C", "swallowing", "alarm reset", "alarm blocked", "exit", "closed files", "killed"],
)
def test_what_cannot_be_stopped_is_a_finding_in_a_process_of_its_own(do, problem):
    parse = OwnProcess(partial(Hostile, do))
    for _ in range(2):  # the second time in a new process
        with pytest.raises(LawBroken) as raised:
            check_total(parse, CHUNKS, seconds=0.5)
        assert (raised.value.law, raised.value.detail, raised.value.chunks) == ("total", problem, CHUNKS)


def test_a_parser_that_cannot_even_be_made_is_found_at_the_first_chunk():
    with pytest.raises(LawBroken, match=r"^total is broken: the parser's process ended with exit code 3, at chunk 1\n"):
        check_total(OwnProcess(partial(os._exit, 3)), CHUNKS)


def test_fuzzing_goes_on_after_a_process_was_lost_and_makes_the_finding_small():
    class Exits(Plain):
        def text(self, kind, key, text):
            if "," in text:
                os._exit(0)
            yield kind, key, text

    spoken = Stream([*text("content", "some words, and more"), *finish("stop")]).plain()
    finding = fuzz(OwnProcess(Exits), spoken, random_seed=1, examples=20, as_others_send_it=False)
    assert finding.detail.startswith("the parser's process ended with exit code 0")
    assert len(finding.chunks) <= len(spoken)


def test_a_process_of_its_own_changes_no_finding_and_no_run():
    parse = OwnProcess(TracedParser)
    here, there = (run(each, CHUNKS) for each in (TracedParser, parse))
    assert (here.steps, here.result, here.trace) == (there.steps, there.result, there.trace)
    assert there.trace
    cut = Stream.of(CHUNKS).cut(range(0, 30, 4))
    findings = []
    for wrong in (Strips, OwnProcess(Strips)):
        with pytest.raises(LawBroken) as raised:
            check_split_invariance(wrong, CHUNKS, cut)
        findings.append(str(raised.value))
    assert findings[0] == findings[1]
    assert isinstance(parse(), TracedParser)


def test_a_process_of_its_own_reads_as_it_is_told():
    parse = OwnProcess(Plain)
    assert next(said.text for said in run(parse, CHUNKS).said) == "some words, and more"
    assert run(parse, CHUNKS, read=lambda _: ()).said == []
    parse.end()
    parse.end()
    assert run(parse, CHUNKS).said


def test_what_the_reader_refuses_is_misuse_and_so_is_what_cannot_be_pickled():
    with pytest.raises(MisuseError, match="cannot read the message <object"):
        run(OwnProcess(type("Unreadable", (Plain,), {"feed": lambda *_: [object()]})), CHUNKS)
    with pytest.raises(MisuseError, match="cannot be pickled, which another process requires"):
        run(OwnProcess(type("Strange", (Plain,), {"result": threading.Lock()})), CHUNKS)


def test_nan_in_a_chunk_or_a_result_is_equal_to_itself():
    chunks = [{**chunk, "created": float("nan")} for chunk in CHUNKS]
    check_split_invariance(type("Nan", (Plain,), {"result": property(lambda _: [float("nan")])}), chunks)
    assert equal([float("nan")], [float("nan")])
    assert not equal([float("nan")], [0.0])


@pytest.mark.parametrize("thread", [False, True])
def test_a_parser_that_cannot_be_stopped_ends_the_process_at_last(monkeypatch, thread):
    asked = []
    monkeypatch.setattr(
        faulthandler, "dump_traceback_later", lambda seconds, **options: asked.append((seconds, options["exit"]))
    )

    def check():
        check_total(Plain, CHUNKS, seconds=2)

    if thread:
        other = threading.Thread(target=check)
        other.start()
        other.join()
    else:
        check()
    assert asked == [(2 if thread else 7, True)]


def test_what_is_not_text_is_a_finding():
    class Says(Plain):
        def text(self, kind, key, text):
            yield kind, key, {"text": text}

    with pytest.raises(LawBroken, match="more'}, which is not text"):
        run(Says, CHUNKS)


def test_what_the_process_runs_is_an_ordinary_run_whose_calls_are_counted():
    own, here = OwnProcess(Plain), run(Plain, CHUNKS)
    assert own._run((CHUNKS, 5)).steps == here.steps
    assert own._reached.value == len(CHUNKS) + 1
    with pytest.raises(LawBroken, match="the parser raised KeyboardInterrupt"):
        OwnProcess(partial(Hostile, partial(raises, KeyboardInterrupt())))._run((CHUNKS, 5))


def test_a_finding_is_pickled_with_all_that_it_says():
    finding = LawBroken("total", "why", CHUNKS)
    again = pickle.loads(pickle.dumps(finding))  # noqa: S301 - our own
    assert (str(again), vars(again)) == (str(finding), vars(finding))
