"""Chat Completions chunks: reading them, and cutting them elsewhere. Imports what ``wires`` may import."""
