"""Row P1: from a loopback socket to the durable journal on one core (``python -m benchmarks.record``).

One process sends made frames as WebSocket messages, on a core of its own; each receiver is a fresh
process on one other core: sise whole, cryptofeed whole (which stores nothing), and the ceilings
(receiving alone, decoding alone, appending alone), whose sum is the limit of one core.
"""
