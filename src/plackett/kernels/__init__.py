"""Fast sums over the documents and pairs of lists, independent of any loss.

Internal: it may change in any release.
"""
