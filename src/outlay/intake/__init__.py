"""How calls made elsewhere get in: imports."""
