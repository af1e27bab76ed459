"""What is told of public names that a release had, and the tree has no longer."""

import re

import griffe
from released import MODULES, ROOT, breakages, public

INIT = "from toy_package.inner import shown\n__all__ = ['shown']\n"


def package(inner):
    """A package that exports one name."""
    return {"__init__.py": INIT, "inner.py": inner}


def told(old, new):
    with (
        griffe.temporary_visited_package("toy_package", package(old)) as released,
        griffe.temporary_visited_package("toy_package", package(new)) as present,
    ):
        return [*breakages(released, present)]


def test_a_public_name_that_is_gone_or_takes_less_is_told_with_its_place():
    shown = "class shown:\n    def feed(self, chunk): ...\n"
    assert told(shown, "class shown:\n    def feed(self): ...\n") == [
        "toy_package.inner.shown.feed: Parameter was removed"
    ]
    assert told(shown, "class shown: ...\n") == ["toy_package.inner.shown.feed: Public object was removed"]


def test_names_that_are_not_public_and_values_may_change():
    assert told("shown = 1\ndef other(): ...\n", "shown = 2\n") == []


def test_the_public_names_are_those_that_the_package_exports():
    tree = griffe.load("streamfsm", search_paths=[ROOT], try_relative_path=False)
    places = public(tree)
    assert {"streamfsm.parser.StreamParser", "streamfsm.testing.laws.check_split_invariance"} <= {*places}
    assert [tree[module].path for module in MODULES] == [f"streamfsm.{module}" for module in MODULES]


def repositories():
    """The repository as pyproject.toml and CITATION.cff name it."""
    patterns = {"pyproject.toml": r'^Repository = "(.+)"$', "CITATION.cff": r"^repository-code: (.+)$"}
    return [
        re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name, pattern in patterns.items()
    ]


def test_the_citation_names_the_repository_that_the_package_names():
    of_package, of_citation = repositories()
    assert of_package == of_citation


def test_a_release_names_its_repository():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Unreleased"] or repositories() != [[], []]
