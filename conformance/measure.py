"""Runs the suite on published parsers, each in an environment of its own, and writes their results into the page.

    python conformance/measure.py [NAME ...]

Results are kept in ``.conform``, and a case that was run with the same command is not run again. Without names, all
parsers of ``parsers.json`` are measured.
"""

import argparse
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
ADAPTERS = HERE / "adapters"
PYTHON, NODE = "conformance/adapters/python", "conformance/adapters/node"
KEPT = ROOT / ".conform"
PAGE = ROOT / "docs" / "conformance.md"
PARSERS: dict[str, dict[str, Any]] = json.loads((HERE / "parsers.json").read_text(encoding="utf-8"))
_LONGEST = 160
"""The most characters of a finding in the table."""
BEGIN, END = "<!-- measured: make conform -->\n", "<!-- end -->\n"


def environment(name: str, requirements: list[str]) -> str:
    """Return the interpreter of an environment with only these packages; it is created again when they change."""
    place = ROOT / f".venv-conform-{name}"
    stamp = place / ".requirements"
    python = place / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != "\n".join(requirements):
        venv.create(place, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True, cwd=ROOT)  # noqa: S603 - some need a newer one
        subprocess.run([*pip, *requirements], check=True, cwd=ROOT)  # noqa: S603 - our own list
        stamp.write_text("\n".join(requirements))
    return str(python.relative_to(ROOT))


def node() -> str:
    """Return the command of Node, after installing the packages of ``package.json`` if that has changed."""
    place = ADAPTERS / "node"
    package, stamp = place / "package.json", place / "node_modules" / ".package.json"
    if not stamp.exists() or stamp.read_text() != package.read_text():
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(install, check=True, cwd=place)  # noqa: S603
        shutil.copy(package, stamp)
    return "node"


def command(name: str) -> str:
    """Return the command that runs a parser's adapter."""
    about = PARSERS[name]
    wire = f" {about['wire']}" if "wire" in about else ""
    if about["language"] == "Python":
        place = about.get("environment", name)
        return f"{environment(place, PARSERS[place]['requirements'])} {PYTHON}/{about['adapter']}.py{wire}"
    return f"{node()} {NODE}/{about['adapter']}.mjs{wire}"


def measure(name: str, ways: list[str]) -> dict[str, Any]:
    """Run all cases on a parser, and return the report."""
    KEPT.mkdir(exist_ok=True)
    report = KEPT / f"{name}.json"
    ask = [sys.executable, "-m", "streamfsm", "conform", "--command", command(name), "--json", str(report), *ways]
    done = subprocess.run(  # noqa: S603
        [*ask, "--resume", str(KEPT / f"{name}.jsonl")], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode > 1:
        raise SystemExit(f"{name} cannot be measured")
    print(done.stdout.partition("\n\n")[0], file=sys.stderr)
    return read(report)


def read(report: Path) -> dict[str, Any]:
    """Return a report from a file."""
    record: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return record


# -- the page ----------------------------------------------------------------------------------------------------------


def section(reports: dict[str, dict[str, Any]], day: str) -> Iterator[str]:
    """Yield the lines of the page's measured part."""
    laws = list(next(iter(reports.values()))["laws"])
    yield f"Measured on {day}: the number of cases in which a parser broke a law, of those in which it was judged."
    yield ""
    yield f"| wire | parser | version | cases | runs | {' | '.join(laws)} |"
    yield f"|---|---|---|---:|---:|{'---:|' * len(laws)}"
    for report in sorted(reports.values(), key=lambda each: each["parser"]["wires"]):
        parser = report["parser"]
        cells = [parser["wires"][0], f"{parser['name']} ({parser['language']})", parser["version"]]
        cells += [str(len(report["outcomes"])), f"{sum(each['runs'] for each in report['outcomes']):,}"]
        yield f"| {' | '.join([*cells, *(_cell(**counts) for counts in report['laws'].values())])} |"
    yield ""
    yield "An empty cell is a law for which the parser makes no claim. Few runs mean three cuts of a case, not all."
    yield "`make conform` measures again."
    yield ""
    yield "### What maintainers could act on"
    yield ""
    yield "Each was seen in two processes. `streamfsm conform --case CASE --command '…'`, with the command that runs"
    yield "the adapter, shows it again; `conformance/parsers.json` lists the adapters and their requirements."
    yield ""
    yield "| parser | law | case | what is wrong | right → found |"
    yield "|---|---|---|---|---|"
    for name, law, case, says in json.loads((HERE / "findings.json").read_text(encoding="utf-8")):
        if name in reports:
            parser = reports[name]["parser"]
            who = f"{parser['name']} {parser['version']} ({parser['language']})"
            yield f"| {who} | {law} | `{case}` | {says} | {_detail(reports[name], law, case)} |"


def _detail(report: dict[str, Any], law: str, case: str) -> str:
    """Return a finding, which must be in the report, as a cell of a table."""
    for outcome in report["outcomes"]:
        for finding in outcome["findings"]:
            if (finding["law"], finding["case"], finding["again"]) == (law, case, True):
                detail = finding["detail"].replace("|", "\\|").replace("\n", " ")
                return f"`` {detail if len(detail) <= _LONGEST else detail[:_LONGEST] + '…'} ``"
    raise SystemExit(f"findings.json: {report['parser']['name']} does not break {law} in {case}")


def _cell(judged: int, broken: int) -> str:
    return f"{broken} of {judged}" if judged else ""


def written(lines: Iterable[str]) -> str:
    """Return the page with these lines in its measured part."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{''.join(f'{line}{chr(10)}' for line in lines)}\n{END}{after}"


def main() -> None:
    """Measure, and write the page from all existing reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*PARSERS, []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="use only three cuts")
    arguments = parser.parse_args()
    for name in arguments.names or PARSERS:
        measure(name, ["--quick"] if arguments.quick else [])
    reports = {name: KEPT / f"{name}.json" for name in PARSERS}
    if missing := [name for name, report in reports.items() if not report.exists()]:
        print(f"not on the page, because they have not been measured: {', '.join(missing)}", file=sys.stderr)
    reports = {name: report for name, report in reports.items() if name not in missing}
    day = datetime.now(timezone.utc).date().isoformat()
    PAGE.write_text(written(section({name: read(report) for name, report in reports.items()}, day)), encoding="utf-8")


if __name__ == "__main__":
    main()
