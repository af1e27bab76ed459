"""The code that knows a wire: bodies, and a package for each kind of chunk. Imports ``core`` and what it may import."""
