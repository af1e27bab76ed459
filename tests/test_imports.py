"""Imports point one way: a module imports from its own room, and from those on the floors below."""

import ast
import re
from pathlib import Path

import streamfsm

ROOT = Path(streamfsm.__file__).parent
# From the ground up. The modules on the ground are one room; rooms that share a floor do not know each other.
FLOORS = (
    {"messages", "result", "limits", "errors", "think_tags", "trace", "channels", "boundaries", "builder", "partial"},
    {"machines"},
    {"core", "sinks"},
    {"wires"},
    {"parser"},
    {"client", "testing", "resume"},
    {"replay", "conform"},
    {"cli"},
    {"__init__", "__main__"},
)


def imported(module: str) -> set[str]:
    """Modules of ours that ``module`` imports, also inside functions; without the package's own name."""
    nodes = list(ast.walk(ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))))
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names |= {
                f"{node.module}.{name.name}" if node.module == "streamfsm" else node.module for name in node.names
            }
    return {name.removeprefix("streamfsm.") for name in names if name.startswith("streamfsm.")}


def room_and_floor(module: str) -> tuple[str, int]:
    room = module.replace("/", ".").partition(".")[0]
    floor = next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)
    return ("ground" if floor == 0 else room), floor


def points_down(module: str, other: str) -> bool:
    (room, floor), (other_room, other_floor) = room_and_floor(module), room_and_floor(other)
    return other_floor < floor or other_room == room


MODULES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.rglob("*.py")]


def test_no_test_file_imports_another():
    """What they share is in a module without ``test_``; ``mutants.py`` runs tests, and so imports some."""
    files = {file.stem: file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py")}
    assert [name for name, text in files.items() if re.search(r"^(from|import) test_", text, re.MULTILINE)] == []


def test_imports_point_down():
    assert {
        (module, other) for module in MODULES for other in imported(module) if not points_down(module, other)
    } == set()
