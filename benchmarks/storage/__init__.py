"""Bytes a day per setting: what the journal costs, plain and sealed (``python -m benchmarks.storage``)."""
