"""STAND-IN."""
PEERS = {}
