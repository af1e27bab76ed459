"""The conformance suite: cases as data, put to any parser in any language; see ``docs/conformance.md``."""
