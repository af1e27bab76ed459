"""Fuzzing a recorded stream."""

import pickle
import re

import pytest
from parsers import Changes, Hangs, Plain, Raises, Strips

from streamfsm import MisuseError
from streamfsm.testing import Stream, TracedParser, fuzz
from streamfsm.testing.streams import call, finish, text

pytestmark = pytest.mark.slow("searches")

CHUNKS = Stream([*text("content", "some words, and more"), *call(0, "f", '{"a":"\\n"}'), *finish("stop")]).plain()


def test_nothing_is_found_in_our_parser_and_every_example_is_counted():
    done = []
    assert fuzz(TracedParser, CHUNKS, examples=50, garbage=True, progress=lambda: done.append(1)) is None
    assert len(done) >= 50


@pytest.mark.parametrize(
    ("parse", "law", "seconds"),
    [(Strips, "split invariance", 5), (Changes, "total", 5), (Raises, "total", 5), (Hangs, "total", 0.05)],
)
def test_a_finding_is_small(parse, law, seconds):
    finding = fuzz(parse, CHUNKS, random_seed=1, seconds=seconds)
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


def test_a_split_bug_is_found_in_a_hundred_examples_and_is_the_same_each_time():
    found = [fuzz(Strips, CHUNKS, examples=100, random_seed=seed) for seed in range(10)]
    smallest = {(finding.guilty, len(finding.chunks), finding.detail) for finding in found if finding}
    assert len([finding for finding in found if finding]) >= 9
    assert {(guilty, count) for guilty, count, _ in smallest} == {(2, 2)}


def test_only_the_laws_that_are_asked_for_are_checked():
    assert fuzz(Strips, CHUNKS, laws=["append-only", "total"], examples=50, random_seed=1) is None
    assert fuzz(Raises, CHUNKS, laws=["split invariance"], examples=50, random_seed=1) is None
    assert fuzz(Strips, CHUNKS, laws=["split invariance"], random_seed=1).law == "split invariance"
    with pytest.raises(MisuseError, match="no law is called splits: split invariance, append-only, total"):
        fuzz(Strips, CHUNKS, laws=["splits"])


def test_a_parser_for_one_server_is_asked_in_its_words_only():
    class Indexed(Plain):
        def index(self, entry):
            return entry["index"]

    assert fuzz(Indexed, CHUNKS, random_seed=1).law == "total"
    assert fuzz(Indexed, CHUNKS, random_seed=1, examples=200, as_others_send_it=False) is None


class Trusting(Strips):
    """Strips, and needs a delta of its own kind and choices."""

    def feed(self, chunk):
        for choice in chunk["choices"]:
            choice["delta"].keys()
        yield from super().feed(chunk)


class Whole(Trusting):
    """The same, but a cut changes nothing."""

    def text(self, kind, key, text):
        yield kind, key, text


def test_what_the_recording_itself_shows_comes_before_other_servers_and_faults():
    for number in range(5):
        finding = fuzz(Trusting, CHUNKS, random_seed=number)
        assert (finding.law, finding.quirks, finding.fault) == ("split invariance", [], None)
        assert "not in the recording" not in str(finding)


def test_a_report_names_the_quirk_that_is_not_in_the_recording():
    finding = fuzz(Whole, CHUNKS, random_seed=1, with_faults=False)
    assert finding.law == "total"
    assert finding.fault is None
    [quirk] = finding.quirks
    title, section, _ = str(finding).split("\n\n", 2)
    assert title == f"total is broken: {finding.detail}"
    assert section == f"not in the recording:\n    another server is imitated: {quirk}"
    assert pickle.loads(pickle.dumps(finding)).quirks == [quirk]  # noqa: S301 - our own


def test_a_report_names_the_fault_that_is_not_in_the_recording(tmp_path):
    for database in (None, tmp_path):
        finding = fuzz(Whole, CHUNKS, random_seed=1, as_others_send_it=False, database=database)
        assert (finding.quirks, finding.fault) == ([], "the server sends an error")
        assert "not in the recording:\n    a fault: the server sends an error\n\n1 chunk:" in str(finding)


def test_without_other_servers_and_faults_only_the_recording_is_cut():
    done = []
    options = {"with_faults": False, "as_others_send_it": False, "progress": lambda: done.append(1)}
    assert fuzz(Whole, CHUNKS, examples=40, random_seed=1, **options) is None
    assert len(done) >= 40


def test_a_report_marks_the_chunk_at_which_it_showed():
    finding = fuzz(Strips, CHUNKS, random_seed=1)
    [marked] = re.findall("^ +([0-9]+) →", str(finding), re.MULTILINE)
    assert int(marked) == finding.guilty == 2
