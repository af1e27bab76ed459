"""The conformance suite: cases as data, which are run on any parser in any language; see ``docs/conformance.md``."""
