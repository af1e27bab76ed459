"""The recorded streams that lie beside the project, if they do: read where they are, and never copied."""

import csv
from pathlib import Path

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"


def recordings() -> list[str]:
    index = CAPTURES / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as rows:
        return [row["file"] for row in csv.DictReader(rows, delimiter="\t") if row["api"] == "chat"]


FILES = recordings()
