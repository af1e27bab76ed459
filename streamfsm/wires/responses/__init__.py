"""Responses events. Imports what ``wires`` may import."""
