"""Fuzzing a recorded stream."""

import pytest
from parsers import Changes, Hangs, Plain, Raises, Strips

from streamfsm.testing import Stream, TracedParser, fuzz
from streamfsm.testing.streams import call, finish, text

CHUNKS = Stream([*text("content", "some words, and more"), *call(0, "f", '{"a":"\\n"}'), *finish("stop")]).plain()


def test_nothing_is_found_in_our_parser_and_every_example_is_counted():
    done = []
    assert fuzz(TracedParser, CHUNKS, examples=50, garbage=True, progress=lambda: done.append(1)) is None
    assert len(done) >= 50


@pytest.mark.parametrize(
    ("parse", "law"), [(Strips, "split invariance"), (Changes, "total"), (Raises, "total"), (Hangs, "total")]
)
def test_a_finding_is_small(parse, law):
    finding = fuzz(parse, CHUNKS, random_seed=1, seconds=0.05)
    assert finding.law == law
    assert len(finding.chunks) <= 6


def test_garbage_comes_when_asked_for():
    assert fuzz(Plain, CHUNKS, examples=200, random_seed=1) is None
    assert "the parser raised" in fuzz(Plain, CHUNKS, garbage=True, random_seed=1).detail


def test_a_seed_repeats_a_run():
    def found(seed):
        seen = []

        class Seen(Plain):
            def feed(self, chunk):
                seen.append(str(chunk))
                return super().feed(chunk)

        fuzz(Seen, CHUNKS, examples=20, random_seed=seed)
        return seen

    assert found(1) == found(1) != found(2)


def test_a_finding_is_kept_and_tried_first_by_the_next_run(tmp_path):
    first = fuzz(Strips, CHUNKS, database=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()]
    again = fuzz(Strips, CHUNKS, database=tmp_path, examples=1)
    assert again.chunks == first.chunks


def test_a_parser_that_breaks_a_law_once_only_is_a_finding_too():
    runs = []

    class Moody(Plain):
        def text(self, kind, key, text):
            runs.append(1)
            if len(runs) == 50:
                raise OSError
            yield kind, key, text

    assert "the parser raised" in fuzz(Moody, CHUNKS).detail
