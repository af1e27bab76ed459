"""Fuzzes a target of ``targets.py``, or a property of the tests, guided by coverage: ``python fuzz/run.py scanner``.

See ``docs/fuzzing.md``. The options after the target's name are libFuzzer's.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
with atheris.instrument_imports(include=["streamfsm"], exclude=["streamfsm.testing", "streamfsm.wires.chat.chunking"]):
    import targets


def main() -> None:
    """Run the fuzzer. Inputs that reach new code stay in ``.fuzz``, by target, for the next run, and so do failures."""
    name, *options = sys.argv[1:]
    target = targets.properties(name) if "::" in name else getattr(targets, name)
    corpus = Path(".fuzz") / name.replace("/", "-").replace("::", "-")
    inputs = corpus / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.SEEDS.get(name, ())):
        (inputs / f"seed-{number}").write_bytes(seed)
    # The checks have a time limit of their own, which uses the same alarm signal as libFuzzer's.
    never = 10**7
    given = [f"-artifact_prefix={corpus}/", f"-timeout={never}", "-use_value_profile=1"]
    if name in targets.SEEDS:
        given.append(f"-dict={HERE / name}.dict")
    else:
        given += [f"-max_len={targets.LONGEST.get(name, 64)}", "-len_control=0"]  # short inputs allow few choices
    atheris.Setup([sys.argv[0], *given, *options, str(inputs)], target)
    atheris.Fuzz()


main()
