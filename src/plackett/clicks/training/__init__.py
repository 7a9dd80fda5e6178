"""Trains rankers from click logs: the methods, their lists, and the weights of clicks."""
