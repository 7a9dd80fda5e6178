"""Simulated click logs: who is shown what, who clicks it, and the truth behind it."""
