"""Ours beside the peers and the limits, in one run on the same work. Not part of the package."""
