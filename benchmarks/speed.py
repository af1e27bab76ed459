"""Runs all benchmarks. Writes ``docs/speed.json``, and from it ``docs/speed.svg`` and the tables of ``docs/speed.md``.

Each benchmark runs in a process of its own. Sections that are not named keep their figures.

    python benchmarks/speed.py [--quick] [--render] [--check] [SECTION ...]
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from measure import Rows, markdown

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
SECTIONS = ("instructions", "feed", "peers", "wire", "short", "parsers", "proxy", "imports")
PACKAGES = (
    "pydantic",
    "transitions",
    "openai",
    "pydantic-ai-slim",
    "langchain-core",
    "jiter",
    "partial-json-parser",
    "ijson",
)
LINES = {  # colours that differ even without colour vision (Okabe and Ito); ours is thick
    "floor": ("#999999", "--"),
    "streamfsm": ("#000000", "-"),
    "openai": ("#e69f00", "-"),
    "pydantic-ai-slim": ("#56b4e9", "-"),
    "langchain-core": ("#009e73", "-"),
    "jiter": ("#d55e00", "-"),
    "partial-json-parser": ("#cc79a7", "-"),
    "ijson": ("#0072b2", "-"),
    "json": ("#999999", ":"),
}


def measured(section: str, *, quick: bool) -> dict[str, Any]:
    """Run a benchmark, and return its rows and the machine."""
    command = [sys.executable, str(HERE / f"{section}.py"), "--json", *(["--quick"] if quick else [])]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own code
    return {"on": machine(), "quick": quick, "rows": json.loads(ran.stdout)}


def machine() -> dict[str, str]:
    """Return what figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", cpuinfo.read_text(encoding="ascii")) if cpuinfo.exists() else []
    versions = {each.name: each.version for each in distributions() if each.name in PACKAGES}
    return {
        "python": platform.python_version(),
        "processor": models[0] if models else platform.machine(),
        **dict(sorted(versions.items())),
    }


def rendered(page: str, sections: dict[str, Any]) -> str:
    """Return the page with the tables of the sections."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        found = sections[name]
        shown = (
            found["on"]
            if name == "peers"
            else {what: found["on"][what] for what in ("python", "processor", "pydantic")}
        )
        on = ", ".join(f"{what} {which}" for what, which in shown.items())
        told = f"`benchmarks/{name}.py{' --quick' if found['quick'] else ''}`; {on}."
        return f"<!-- measured: {name} -->\n{table(name, found['rows'])}\n\n{told}\n<!-- end -->"

    return re.sub(r"<!-- measured: (\w+) -->\n.*?<!-- end -->", block, page, flags=re.DOTALL)


def table(name: str, rows: Rows) -> str:
    """Return the rows as tables, one for each set of columns; for peers, with a column per size."""
    if name == "peers":
        rows = by_size(rows)
    columns = list(dict.fromkeys(next(iter(row)) for row in rows))
    return "\n\n".join(markdown([row for row in rows if next(iter(row)) == first]) for first in columns)


def by_size(rows: Rows) -> Rows:
    """Return a row for each peer with ns per delta by size; a dash means too slow to measure."""
    peers: dict[str, dict[str, Any]] = {}
    for row in rows:
        peer = peers.setdefault(row["peer"], {"peer": row["peer"], "gives before the end": row["gives"]})
        peer[f"{round(row['characters'], -3) // 1000:,} KB, ns"] = row.get("ns a delta", "–")
    largest = {row["peer"]: row["× streamfsm"] for row in rows if "× streamfsm" in row}
    return [{**peer, "× streamfsm, at its largest": largest[name]} for name, peer in peers.items()]


def draw(rows: Rows) -> None:
    """Draw nanoseconds per delta over the size."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "streamfsm", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for peer, (colour, style) in LINES.items():
        points = [(row["characters"], row["ns a delta"]) for row in rows if row["peer"] == peer and "ns a delta" in row]
        sizes, costs = zip(*points, strict=True)
        width = 2.5 if peer == "streamfsm" else 1.2
        axes.plot(sizes, costs, color=colour, linestyle=style, linewidth=width, marker="o", markersize=3, label=peer)
    axes.set(xscale="log", yscale="log", xlabel="characters of arguments", ylabel="ns a delta of 4 characters")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.5)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(DOCS / "speed.svg", metadata={"Date": None})


def main() -> None:
    """Run the requested benchmarks, and write the files."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("sections", nargs="*", metavar="SECTION", help=f"all, or some of: {', '.join(SECTIONS)}")
    arguments.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    arguments.add_argument("--render", action="store_true", help="measure nothing; write the page from the figures")
    arguments.add_argument(
        "--check", action="store_true", help="measure and write nothing; fail if the page differs from the figures"
    )
    options = arguments.parse_args()
    figures, page = DOCS / "speed.json", DOCS / "speed.md"
    sections = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
    text = page.read_text(encoding="utf-8")
    if options.check:
        sys.exit("docs/speed.md is stale; run: make bench BENCH=--render" if rendered(text, sections) != text else 0)
    for section in () if options.render else options.sections or SECTIONS:
        if section == "instructions" and not shutil.which("valgrind"):
            print("instructions: skipped, they need valgrind")
            continue
        print(section, flush=True)
        sections[section] = measured(section, quick=options.quick)
        ordered = {name: sections[name] for name in SECTIONS if name in sections}
        figures.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(rendered(text, sections), encoding="utf-8")
    draw(sections["peers"]["rows"])


if __name__ == "__main__":
    main()
