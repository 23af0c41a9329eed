"""Who and what a call is for: dimensions, their precedence, limits and hints."""
