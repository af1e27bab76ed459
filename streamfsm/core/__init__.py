"""The core runs the tables and knows no wire. It imports ``machines`` and the modules whose objects users hold."""
