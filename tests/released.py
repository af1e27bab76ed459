"""Compares the public names with those of a release, a git reference. Run by ``make api``."""

import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[1]
EXPORT = ("machines", "resume", "sinks", "testing")
"""What of the package is public besides itself: of each, what ``__all__`` lists, and nothing else."""
MODULES = ("messages", "client.observer", "client.reading", "client.telemetry", "replay", "wires.chat.chunking")
"""Modules that are public as a whole, as CONTRIBUTING.md says."""


def public(package: griffe.Object | griffe.Alias) -> tuple[str, ...]:
    """Where the public names of ``package`` are defined."""
    exporting = [package, *(package[name] for name in EXPORT if name in package.members)]
    exported = [each[name].canonical_path for each in exporting for name in each.exports or ()]
    return (*exported, *(f"{package.path}.{module}" for module in MODULES))


def breakages(old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias) -> Iterator[str]:
    """Tell what code that used the public names of ``old`` cannot rely on in ``new``; values may change."""
    places = public(old)
    for breakage in griffe.find_breaking_changes(old, new):
        path = breakage.obj.canonical_path
        if breakage.kind is griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE:
            continue
        if any(path == place or path.startswith(f"{place}.") for place in places):
            yield f"{path}: {breakage.kind.value}"


if __name__ == "__main__":
    released = griffe.load_git("streamfsm", ref=sys.argv[1], repo=ROOT)
    present = griffe.load("streamfsm", search_paths=[ROOT], try_relative_path=False)
    found = [*breakages(released, present)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.exit(bool(found))
