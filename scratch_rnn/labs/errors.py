"""How a lab ends early: a user's mistake, a run that went wrong, a user who wants to stop."""


class UsageError(Exception):
    """A user's mistake: one line, exit status 2."""


class Failure(Exception):
    """A run that went wrong: one line, exit status 1."""


class Interrupted(Exception):
    """The user wants to stop; raised between two steps, when the state is whole."""
