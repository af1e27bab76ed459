"""Chat Completions chunks: reading them, and cutting them in other places. Imports what ``wires`` may import."""
