"""The code that depends on a wire: bodies, and a package per protocol. Imports ``core`` and what that may import."""
