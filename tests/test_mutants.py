"""The mutants of ``mutants.py`` fit the code; ``make mutants`` runs them."""

import re

import mutants
import pytest

from streamfsm.machines import MACHINES


def test_every_property_of_the_laws_has_a_mutant():
    laws = (mutants.ROOT / "tests" / "test_laws.py").read_text(encoding="utf-8")
    properties = set(re.findall(r"^def test_(\w+)", laws, re.MULTILINE))
    assert {mutant.property for mutant in mutants.MUTANTS if "/" not in mutant.property} == properties
    assert {mutant.law for mutant in mutants.MUTANTS} == {*range(1, 11)}


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.property)
def test_a_mutant_changes_one_place(mutant: mutants.Mutant):
    compile(mutant.source(), mutant.file, "exec")


def test_what_is_equivalent_is_among_the_changes():
    assert {name for machine in MACHINES for name, _ in mutants.changed(machine.table)} >= mutants.EQUIVALENT


def test_the_page_shows_these_mutants():
    page = mutants.PAGE.read_text(encoding="utf-8")
    [shown] = re.findall(f"{re.escape(mutants.START)}\n\n(.*?)\n\n{re.escape(mutants.END)}", page, re.DOTALL)
    assert shown == mutants.table(), "run: python tests/mutants.py --write"
