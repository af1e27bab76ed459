"""The core runs the tables, on any wire. It imports ``machines``, and the modules with the types that users get."""
