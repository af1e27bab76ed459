"""Recorded responses, read and served again. Imports ``client`` and what it may import."""
