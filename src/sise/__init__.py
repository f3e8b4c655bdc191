"""sise (시세): records what venues send, with proof of what was and was not heard."""

__version__ = "0.1.0"
