"""Reading a response: the façade, bodies, observers, token counts. It imports ``parser``, and what that may import."""
