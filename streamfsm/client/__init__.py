"""A response as its reader sees it: façade, bytes, token counts. Imports ``parser`` and what it may import."""
