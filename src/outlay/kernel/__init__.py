"""The words everything else is said in: money, time, ids, errors. Imports nothing of ours."""
