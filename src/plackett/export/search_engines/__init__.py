"""Models as the plugins for learning to rank of search engines have them. Internal: `plackett.export` has the names."""
