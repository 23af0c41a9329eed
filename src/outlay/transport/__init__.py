"""The one upstream HTTP client, behind a one-method interface."""
