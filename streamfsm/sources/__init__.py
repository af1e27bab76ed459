"""The only places that know a wire: each reads a wire object and gives wire-neutral events."""
