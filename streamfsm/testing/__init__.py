"""A conformance and fuzz kit for any parser of Chat Completions or Responses streams: strategies, laws, reports.

It needs the extra ``testing``; ``docs/testing.md`` shows how to use it with a parser of your own.
"""

from streamfsm.testing.channels import Growing, GrowingArguments, check_channels, grows_into
from streamfsm.testing.exhaustive import check_every_split, cuts, splits
from streamfsm.testing.fuzzing import fuzz
from streamfsm.testing.induction import Proof, Resumable, check_every_chunking
from streamfsm.testing.laws import (
    check_append_only,
    check_dialect_invariance,
    check_linear,
    check_nothing_lost,
    check_output_grammar,
    check_promptness,
    check_split_invariance,
    check_total,
    cpu_seconds,
    long_arguments,
    long_content,
    may_hold,
    operations,
    standard_chunkings,
)
from streamfsm.testing.parsers import Parse, Parser, Read, Said, TracedParser, read_message
from streamfsm.testing.pulled import PulledParser
from streamfsm.testing.quirks import QUIRKS, Quirk, accented
from streamfsm.testing.ready import Ready, check_ready_is_true, ready_calls
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.responses import (
    garbage_events,
    long_call,
    long_message,
    responses_faults,
    responses_streams,
)
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.runs import OwnProcess, Run, run
from streamfsm.testing.strategies import (
    ALPHABET,
    Fault,
    arguments,
    chunkings,
    damaged_arguments,
    dialects,
    faults,
    from_schema,
    garbage_chunks,
    json_text,
    logical_streams,
    objects,
    texts,
)
from streamfsm.testing.streams import Stream
from streamfsm.testing.wires import check_wire

__all__ = [
    "ALPHABET",
    "QUIRKS",
    "RETELLINGS",
    "Fault",
    "Growing",
    "GrowingArguments",
    "LawBroken",
    "OwnProcess",
    "Parse",
    "Parser",
    "Proof",
    "PulledParser",
    "Quirk",
    "Read",
    "Ready",
    "Resumable",
    "Run",
    "Said",
    "Stream",
    "TracedParser",
    "accented",
    "arguments",
    "check_append_only",
    "check_channels",
    "check_dialect_invariance",
    "check_every_chunking",
    "check_every_split",
    "check_linear",
    "check_nothing_lost",
    "check_output_grammar",
    "check_promptness",
    "check_ready_is_true",
    "check_split_invariance",
    "check_total",
    "check_wire",
    "chunkings",
    "cpu_seconds",
    "cuts",
    "damaged_arguments",
    "dialects",
    "faults",
    "from_schema",
    "fuzz",
    "garbage_chunks",
    "garbage_events",
    "grows_into",
    "json_text",
    "logical_streams",
    "long_arguments",
    "long_call",
    "long_content",
    "long_message",
    "may_hold",
    "objects",
    "operations",
    "read_message",
    "ready_calls",
    "responses_faults",
    "responses_streams",
    "run",
    "splits",
    "standard_chunkings",
    "texts",
]
