"""The words everything else is said in: money, unit prices, time, ids, errors. Imports nothing of ours."""
