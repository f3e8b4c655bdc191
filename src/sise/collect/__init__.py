"""Whom to listen to, and listening: what is heard goes to the journal, nothing else is needed."""
