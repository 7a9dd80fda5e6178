"""Fast sums over the documents and pairs of lists, which know nothing of losses.

Internal: they may change in any release.
"""
