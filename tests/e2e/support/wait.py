"""Waiting for a condition, never for a time."""

import time


def until(condition, what, timeout=20.0, every=0.005):
    """The first true value of `condition()`; fails with `what` after `timeout` seconds. `what` may
    be a function, called only on failure."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {said}")
        time.sleep(every)
