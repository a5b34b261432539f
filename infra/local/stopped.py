"""The error with which `make up` stops: expected, and a person knows from its words what to do."""


class Stopped(Exception):
    """The local stack cannot go on; the message says what is wrong and what to do."""
