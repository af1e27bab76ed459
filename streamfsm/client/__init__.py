"""A response as its reader sees it: façade, bytes, observers, token counts. Imports ``parser`` and what that may."""
