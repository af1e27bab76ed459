"""``python -m streamfsm.machines --check``: proves properties of the tables, and prints a line for each."""

import argparse
import sys

from streamfsm.machines import TABLES, StateMachine
from streamfsm.machines.checks import findings


def main(arguments: list[str] | None = None) -> int:
    """Print the report; return 1 if a property does not hold.

    A table that contradicts itself fails at import, with a ``TableError`` that names all contradictions.
    """
    parser = argparse.ArgumentParser(prog="python -m streamfsm.machines", description=__doc__)
    parser.add_argument("--check", action="store_true", required=True, help="prove every property of every table")
    parser.parse_args(arguments)
    found = [finding for table in TABLES for finding in findings(StateMachine(table))]
    for machine, name, evidence, problems in found:
        sys.stdout.write(f"{machine:9}  {name:17}  {'FAILED: ' + '; '.join(problems) if problems else evidence}\n")
    return int(any(finding.problems for finding in found))


sys.exit(main())
