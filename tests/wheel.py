"""Builds the package twice, and tries what was built where the tree is not. Run by ``make wheel``.

Both builds have to be the same bytes, and a wheel built from the source distribution the same again. The wheel is
installed, without extras, in an environment of its own; then its commands run, and its types are counted.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("streamfsm", "conformance/cases", "_streamfsm_pytest.py")
BUILT_FROM += ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")
KNOWN = 0.99
"""The part of the public names whose types have to be known."""
SMOKE = """
import sys
import streamfsm
from importlib.resources import files
from streamfsm.replay import capture

assert streamfsm.__file__.startswith(sys.prefix), streamfsm.__file__
assert files("streamfsm").joinpath("py.typed").is_file()
assert any(files("streamfsm.conform").joinpath("cases").iterdir())
chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
parser = streamfsm.StreamParser()
said = [message.message_type for message in parser.feed(chunk) + parser.close()]
assert said == ["assistant_message", "stop_reason"], said
open("hi.sse", "w").write(capture.body([chunk]))
"""
COMMANDS = (
    ("--version",),
    ("trace", "hi.sse"),
    ("trace", "hi.sse", "--html", "hi.html"),
    ("diagram", "--format", "mermaid"),
)


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    """Run a program; what it prints."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **more}
    done = subprocess.run(command, cwd=cwd, env=env, check=False, capture_output=True, encoding="utf-8")  # noqa: S603 - our own
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nfailed: {' '.join(map(str, command))}")
    return done.stdout


def build(tree: Path) -> list[Path]:
    """Build a tree; return the wheel and the source distribution."""
    run(sys.executable, "-m", "hatchling", "build", cwd=tree)
    return sorted((tree / "dist").iterdir())


def copy(to: Path) -> Path:
    """Copy what is built, each file with the present as its time."""
    for name in BUILT_FROM:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, to / name, copy_function=shutil.copyfile, ignore=leave)
        else:
            shutil.copyfile(ROOT / name, to / name)
    return to


def check_reproducible(place: Path) -> Path:
    """Build twice, and once from the source distribution; return the wheel. The trees are deleted."""
    one, two = (build(copy(place / name)) for name in ("one", "a-longer-name"))
    source, wheel = sorted(one, key=lambda file: file.suffix)
    shutil.unpack_archive(source, place / "unpacked")
    (unpacked,) = (place / "unpacked").iterdir()
    again = [file for file in build(unpacked) if file.suffix == ".whl"]
    for first, second in zip((*one, wheel), (*two, *again), strict=True):
        if first.read_bytes() != second.read_bytes():
            sys.exit(f"two builds differ: {first.name}")
    kept = place / wheel.name
    shutil.move(wheel, kept)
    for name in ("one", "a-longer-name", "unpacked"):
        shutil.rmtree(place / name)
    return kept


def check_installed(place: Path, wheel: Path) -> None:
    """Install the wheel alone, and use it."""
    venv.create(place / "env", with_pip=True)
    python = place / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=place)
    run(python, "-I", "-c", SMOKE, cwd=place)
    for command in COMMANDS:
        run(python.with_name("streamfsm"), *command, cwd=place)


def check_types(place: Path, checker: Path) -> str:
    """Count the public names whose types are known."""
    env = place / "env"
    others = sysconfig.get_path("purelib")  # where the packages are that the extras name
    (Path(sysconfig.get_path("purelib", vars={"base": str(env)})) / "others.pth").write_text(others, encoding="utf-8")
    command = (checker, "--ignoreexternal", "--outputjson", "--verifytypes", "streamfsm")
    path = {**os.environ, "PATH": f"{env / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=place, env=path, capture_output=True, check=False)  # noqa: S603 - our own
    found = json.loads(done.stdout)["typeCompleteness"]
    if found["completenessScore"] < KNOWN:
        unknown = [each["name"] for each in found["symbols"] if each["isExported"] and not each["isTypeKnown"]]
        sys.exit(f"types known: {found['completenessScore']:.1%} of the public names; not of {', '.join(unknown)}")
    return f"types known: {found['completenessScore']:.1%} of the public names"


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        here = Path(temporary)
        built = check_reproducible(here)
        check_installed(here, built)
        types = check_types(here, Path(sys.argv[1]).resolve())
        sys.stdout.write(f"{built.name}: two builds are the same bytes, and it works where the tree is not; {types}\n")
