"""The command line: each command is a module here, which declares its arguments and runs."""

from streamfsm.cli.commands import main

__all__ = ["main"]
