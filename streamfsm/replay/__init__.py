"""Recording responses, and reading and serving recordings. It imports ``client``, and what that may import."""
