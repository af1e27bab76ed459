"""What runs the tables, and knows no wire. Imports ``machines`` and the modules of what users hold."""
