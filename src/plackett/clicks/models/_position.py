"""Click models in which documents are looked at by their position alone."""
