"""Prints progress. A terminal or a pipe that is gone must not stop a teardown."""

import sys


def say(text, stream=None):
    try:
        print(text, file=stream or sys.stdout, flush=True)
    except OSError:
        pass
