"""The facts that money rests on: intents, usage events, corrections, refusals, and their rules."""
