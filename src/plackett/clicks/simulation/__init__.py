"""Simulated click logs: what is shown, what is clicked, and the truth behind it."""
