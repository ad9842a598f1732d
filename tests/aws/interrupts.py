"""Interrupts that never abort a call.

A call that is aborted can have created a resource that the teardown does not know. SIGINT, SIGTERM and SIGHUP
therefore take effect before the next call or within a pause, not during a call.
"""

import signal
import sys
import time

from output import say


class Interrupted(Exception):
    """A signal ended the work. The teardown follows."""


class Interrupts:
    def __init__(self):
        self.signal = None
        self.deferred = False

    def install(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, number, _frame):
        self.signal = signal.Signals(number).name
        consequence = "the teardown continues" if self.deferred else "the teardown follows"
        say(f"{self.signal}: {consequence}", sys.stderr)

    def check(self, **_):
        """Raises `Interrupted` after a signal, unless the teardown has begun."""
        if self.signal and not self.deferred:
            raise Interrupted(self.signal)

    def pause(self, seconds):
        """Sleeps, in slices, because `time.sleep` resumes after a signal."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 0.1))
        self.check()
