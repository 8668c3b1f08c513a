"""Waiting for what must become true, with a deadline."""

import time

DEADLINE_S = 10.0


def until(question, what, deadline_s=DEADLINE_S, every_s=0.02):
    """Calls question() until its answer is true and returns that; fails with `what` and the last answer at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f'waited {deadline_s:g} s in vain for {what}; last seen: {answer!r}')
        time.sleep(every_s)
