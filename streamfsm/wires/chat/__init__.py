"""Chat Completions chunks: how they are read, and cut elsewhere. Imports what ``wires`` may import."""
