"""Events of the Responses API: reading them, and cutting them elsewhere. Imports what ``wires`` may import."""
