"""People and programs: API keys, provider secrets, audit."""
