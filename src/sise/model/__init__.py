"""The facts: frames, events, records, time, errors. Imports nothing else of sise."""
