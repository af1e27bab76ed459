"""The recorded streams that lie beside the project, if they do: read where they are, and never copied."""

import csv
import json
from pathlib import Path

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"


def recordings(api: str) -> list[str]:
    """The files of one API: ``chat`` or ``responses``."""
    index = CAPTURES / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as rows:
        return [row["file"] for row in csv.DictReader(rows, delimiter="\t") if row["api"] == api]


def network_reads(name: str) -> list[bytes]:
    """The body in the pieces in which its client received it; in one piece if that was not recorded."""
    body = (CAPTURES / name).read_bytes()
    offsets = (CAPTURES / name).with_suffix(".reads.json")
    ends = json.loads(offsets.read_bytes()) if offsets.exists() else []
    return [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True) if start < end]


FILES = recordings("chat")
RESPONSES = recordings("responses")
