"""Rankers from click logs: the methods, what their lists are, and the weights of clicks."""
