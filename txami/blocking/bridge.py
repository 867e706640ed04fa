"""
:class:`ReactorThread`: a reactor of one's own in a thread of one's own, and the way there and back.

A process can run its global reactor once, and an application may run it already.  So each client has a private
instance of the class that Twisted takes by default on the platform.  Crochet, the well-kept library for such
things, drives the global reactor, which cannot be started again once it has stopped: its thread would stay until
the process ends, and an application that runs the reactor itself would have to share it.

Twisted itself may install the global reactor meanwhile, for its HostnameEndpoint and LoopingCall ask for it only to
have their clock replaced; it is not run, and nothing is asked of it.

Twisted is not made for a reactor that ends before its process, so what :meth:`ReactorThread._tidy` closes would
otherwise stay open: the waker's pipe and the descriptor of epoll.
"""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import TIMEOUT_MAX, RLock, Thread, current_thread
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import threadable
from twisted.python.failure import Failure
from twisted.python.runtime import platform

from ..errors import AMIError, NotConnected

T = TypeVar("T")


class StillUnderWay(Exception):
    """The time is up for which somebody wanted to wait."""


class WouldBlock(AMIError, RuntimeError):
    """The caller's fault: a call that waits was made in the thread of a reactor, which would wait for itself."""


def new_reactor() -> Any:
    """Return a new reactor of the class that :mod:`twisted.internet.default` would install here."""
    reactor: Any
    if platform.isLinux():
        from twisted.internet.epollreactor import EPollReactor

        reactor = EPollReactor()
    elif platform.getType() == "posix" and not platform.isMacOSX():
        from twisted.internet.pollreactor import PollReactor

        reactor = PollReactor()
    else:
        from twisted.internet.selectreactor import SelectReactor

        reactor = SelectReactor()
    # Else isInIOThread() of an application that runs the global reactor would be wrong from now on.
    reactor._registerAsIOThread = False
    return reactor


def refuse_reactor_threads(what: str) -> None:
    """
    Refuse to wait where a reactor runs.

    :raises WouldBlock: in a thread of ours, and in that of the global reactor while it runs.
    """
    if isinstance(current_thread(), ReactorThread):
        raise WouldBlock(
            f"{what}: this would wait in the client's own reactor thread, for itself; call it in a handler of on(), "
            "which has a thread for that, and not in where= or in what run() runs"
        )
    # Not imported: that would install it.
    reactor = sys.modules.get("twisted.internet.reactor")
    if threadable.isInIOThread() and getattr(reactor, "running", False):
        raise WouldBlock(
            f"{what}: this would hold up the running reactor; use txami.connect() or AMIService here, whose methods "
            "return Deferreds, or call it in another thread by twisted.internet.threads.deferToThread"
        )


def fresh(error: BaseException) -> BaseException:
    """Return a copy of an error of ours to raise, so that several who raise it do not add to one traceback."""
    if not isinstance(error, AMIError):
        return error
    another = copy.copy(error)
    another.__cause__ = error.__cause__
    another.__suppress_context__ = error.__suppress_context__
    return another


def patience(timeout: float | None) -> float | None:
    """
    Return what a lock is to be told of how long somebody wants to wait.

    :raises ValueError: if it is no number of seconds.
    """
    if timeout is None:
        return None
    if not isinstance(timeout, int | float) or timeout != timeout:
        raise ValueError(f"timeout={timeout!r} is no time to wait: write seconds, or None for as long as it takes")
    # A lock refuses inf, and whatever else its clock cannot hold.
    return min(timeout, TIMEOUT_MAX)


def join(thread: Thread, timeout: float) -> None:
    """Wait for a thread to end, unless it never began: Ctrl-C, or a disconnect() elsewhere, may come before that."""
    with contextlib.suppress(RuntimeError):
        thread.join(timeout)


class Crossing(Generic[T]):
    """
    A call on its way to the reactor's thread, and its result on the way back.

    :param function: what is called there; it returns a Deferred, or is a coroutine function.
    """

    def __init__(self, thread: ReactorThread, function: Callable[[], Awaitable[T]]) -> None:
        self.future: Future[T] = Future()
        self._thread = thread
        self._function: Callable[[], Awaitable[T]] | None = function
        self._deferred: Deferred[Any] | None = None

    def start(self) -> Crossing[T]:
        """
        Send it on its way.

        :raises NotConnected: if the thread has ended.
        """
        self._thread.expect(self)
        if not self._thread.post(self.begin):
            self._thread.forget(self)
            raise NotConnected("the connection was closed meanwhile; connect() makes a new one")
        return self

    def begin(self) -> None:
        """Call the function; in the reactor's thread."""
        function, self._function = self._function, None
        if function is None:  # given up
            return
        try:
            result: Any = function()
        except BaseException as error:
            self.finish(error)
            return
        if isinstance(result, Coroutine):
            result = Deferred.fromCoroutine(result)
        if isinstance(result, Deferred):
            self._deferred = result
            result.addCallbacks(self._succeed, self._fail)
        else:  # a value, from one who does not mind the types
            self._succeed(result)

    def _succeed(self, result: T) -> None:
        self._deferred = None
        self._thread.forget(self)
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, failure: Failure) -> None:
        self._deferred = None
        self.finish(failure.value or AMIError(failure.getErrorMessage()))

    def finish(self, error: BaseException) -> None:
        """Let it fail, unless it is over."""
        self._thread.forget(self)
        if not self.future.done():
            self.future.set_exception(error)

    def wait(self, timeout: float | None) -> T:
        """
        Wait for the result.

        :param timeout: seconds; ``None`` to wait as long as it takes.
        :raises StillUnderWay: then.
        """
        try:
            # Not by result(), which raises the very object that others may raise, too.
            error = self.future.exception(patience(timeout))
        except FutureTimeout:
            raise StillUnderWay from None
        if error is not None:
            try:
                raise fresh(error)
            finally:
                del error
        return self.future.result()

    def give_up(self) -> None:
        """Cancel it; may be called in any thread, and when it is over."""
        if not self.future.done():
            self._thread.post(self._cancel)

    def _cancel(self) -> None:
        self._function = None
        self.finish(AMIError("the response was given up"))
        if self._deferred is not None:
            self._deferred.cancel()


class ReactorThread(Thread):
    """
    A thread that runs a reactor until it is told to stop.  A daemon: nobody waits for it at exit.

    :ivar reactor: to be touched in this thread only.
    """

    _log = Logger()

    def __init__(self) -> None:
        super().__init__(name="txami reactor", daemon=True)
        self.reactor = new_reactor()
        # Re-entrant, for a garbage collection may come here from here: Events.__del__() posts.
        self._lock = RLock()
        self._begun = self._ended = False
        self._crossings: set[Crossing[Any]] = set()

    def run(self) -> None:
        """Run the reactor; what :meth:`start` starts."""
        with self._lock:
            if self._ended:
                return
            self._begun = True
        try:
            # Signals belong to the main thread, and to whoever handles them there.
            self.reactor.run(installSignalHandlers=False)
        except BaseException:
            self._log.failure("the reactor of a blocking client failed")
        finally:
            self._tidy()

    def submit(self, function: Callable[[], Awaitable[T]]) -> Crossing[T]:
        """
        Have a function called in this thread.

        :raises NotConnected: if the thread has ended.
        """
        return Crossing(self, function).start()

    def post(self, function: Callable[[], object]) -> bool:
        """Have a function called in this thread, with nobody waiting; return whether it will be."""
        with self._lock:
            if not self._ended:
                self.reactor.callFromThread(function)
            return not self._ended

    def expect(self, crossing: Crossing[Any]) -> None:
        """It is under way."""
        self._crossings.add(crossing)

    def forget(self, crossing: Crossing[Any]) -> None:
        """It is over."""
        self._crossings.discard(crossing)

    def stop(self) -> None:
        """Have the reactor stop, soon.  One that does not run yet never will."""
        with self._lock:
            never = not self._begun
            self._ended = self._ended or never
        if never:
            self._tidy()
        else:
            self.post(self._stop_reactor)

    def _stop_reactor(self) -> None:
        # Not _stop(): up to Python 3.12 a Thread has one of its own, without which is_alive() is true for ever.
        with contextlib.suppress(Exception):  # ReactorNotRunning, if it is asked twice
            self.reactor.stop()

    def _tidy(self) -> None:
        """Close what a stopped reactor leaves open, and let fail what is still under way."""
        with self._lock:
            self._ended = True
            waker, self.reactor.waker = self.reactor.waker, None
            if waker is None:
                return
            for reader in list(self.reactor._internalReaders):
                self.reactor._removeInternalReader(reader)
            waker.connectionLost(None)
            self._close_poller()
        for crossing in list(self._crossings):
            crossing.finish(NotConnected("the connection was closed meanwhile; connect() makes a new one"))

    def _close_poller(self) -> None:
        # What select() and poll() use has no descriptor.
        close = getattr(getattr(self.reactor, "_poller", None), "close", None)
        if close is not None:
            close()

    def abandon(self) -> None:
        """
        In the child of a fork: close our copies of the descriptors, so that the parent's connection ends when
        the parent ends it.

        Nothing is done to what they stand for, which is the parent's: no shutdown() of a socket, and no change
        to what epoll watches.
        """
        # A thread that is not here may hold it, and those of what waits, which nobody would ever finish.
        self._lock = RLock()
        self._ended = True
        for crossing in self._crossings:
            crossing.future = Future()
            crossing.future.set_exception(NotConnected("the parent process asked for this, and is answered"))
        self._crossings = set()
        reactor = self.reactor
        self._close_poller()
        for transport in {*reactor.getReaders(), *reactor.getWriters()} - reactor._internalReaders:
            socket = getattr(transport, "socket", None)
            if socket is not None:
                socket.close()
        for end in ("i", "o"):
            with contextlib.suppress(OSError, AttributeError):
                os.close(getattr(reactor.waker, end))
        reactor.waker = None
