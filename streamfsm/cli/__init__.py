"""The command line. Each command is a module here, which declares its arguments and runs them."""

from streamfsm.cli.commands import main

__all__ = ["main"]
