"""Where a call goes: model to provider, provider facts."""
