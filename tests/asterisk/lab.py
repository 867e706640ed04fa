"""Real Asterisk servers for the tests: Asterisk 22 and Asterisk 16, side by side.

For people, as root on a Debian machine::

    python -m tests.asterisk.lab install     # once, takes minutes
    python -m tests.asterisk.lab run 22      # until Ctrl-C; no number runs both

For tests::

    reason = lab.available()                 # None, or why there are no servers
    server = lab.server("22")                # shared, runs until the process ends
    with lab.spare("16") as server: ...      # one's own, to be maltreated

Every server listens on the loopback interface only, on ports of its own, with its
own database and its own random secrets. What it is configured to do is in ``conf``.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import types

from tests.asterisk import debian, instance

LabError = debian.LabError
install = debian.install

_POLITE = 5.0
_POLL = 0.05


class Server:
    """One configured server; the constructor does not start it.

    Also a context manager: started on entry, stopped on exit.

    :param version: a key of :data:`tests.asterisk.debian.SUITES`.
    :param pjsip: whether there are PJSIP endpoints.
    """

    host = "127.0.0.1"

    def __init__(self, version: str, pjsip: bool = True) -> None:
        self.version = version
        self._root = debian.root(version)
        self._instance = instance.Instance(self._root, pjsip)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = self._instance.ports["ami"]
        self.tls_port = self._instance.ports["tls"]
        self.http_port = self._instance.ports["http"]
        self.pjsip_port = self._instance.ports["pjsip"]
        #: where the server's files are, as everybody else sees it and as the server itself does
        self.directory = self._instance.directory
        self.base = self._instance.base
        #: name -> secret
        self.users = dict(self._instance.secrets)
        #: who signed the certificate for localhost, 127.0.0.1 and ::1
        self.ca_file = self._instance.directory / "keys/ca.pem"
        self.log_file = self._instance.directory / "log/full"
        #: the only place where the secrets are written
        self.secrets_file = self._instance.directory / "etc/manager.conf"

    def __repr__(self) -> str:
        return f"<Asterisk {self.version} at {self.host}:{self.port}>"

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process, or ``None`` when the server does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self, timeout: float = 60) -> None:
        """Start the server and return when it is fully booted; do nothing if it runs.

        The files of an earlier run are used again unless :meth:`stop` removed them.

        :param timeout: how many seconds booting may take.
        :raises LabError: with the end of the log, when it does not boot. Then nothing
            of the server is left.
        """
        if self.pid is not None:
            return
        _living.add(self)
        try:
            if not self._instance.exists:
                self._instance.create()
            self._boot(timeout)
        except BaseException:
            self.kill()
            self.stop()
            raise

    def stop(self) -> None:
        """End the server, politely if it listens, and remove its files; idempotent."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._wait(_POLITE)
        self.kill()
        self._instance.remove()
        _living.discard(self)

    def kill(self) -> None:
        """Let the server crash: no good-bye, and its files stay; idempotent."""
        if self._process is not None:
            self._process.kill()
            self._wait(None)
            self._process = None

    def restart(self) -> None:
        """Kill the server if it runs and start it on the same ports and files.

        Asterisk writes its database once a second, so that a crash may cost it the
        last entries.
        """
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop all of the server's threads: its sockets stay open and say nothing.

        :raises LabError: when the server does not run.
        """
        pid = self._signal(signal.SIGSTOP)
        # Wait until the kernel has done it, without taking the status from Popen.
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Undo :meth:`pause`.

        :raises LabError: when the server does not run.
        """
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> int:
        """Send a signal to the running server and return its process."""
        pid = self.pid
        if pid is None:
            raise LabError(f"{self!r} does not run")
        os.kill(pid, number)
        return pid

    def _wait(self, timeout: float | None) -> None:
        """Wait until the process has ended."""
        if self._process is not None:
            self._process.wait(timeout)

    def _boot(self, timeout: float) -> None:
        """Start the process and wait until it is of use."""
        deadline = time.monotonic() + timeout
        # An earlier run's readiness may be in the log already.
        read = self._log_size()
        self._process = self._launch()
        while not self._ready(read):
            if self._process.poll() is not None:
                raise self._failure("ended while booting")
            if time.monotonic() > deadline:
                raise self._failure(f"did not boot within {timeout} seconds")
            time.sleep(_POLL)

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the process."""
        # chroot becomes Asterisk, so this process number is the server's.
        command = ["chroot", str(self._root), "/usr/sbin/asterisk", "-f", "-C"]
        with open(self._console, "ab") as console:
            return subprocess.Popen(
                [*command, str(self._instance.base / "etc/asterisk.conf")],
                cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us; we then end the server ourselves.
                start_new_session=True,
            )

    @property
    def _console(self) -> pathlib.Path:
        """The file with what Asterisk prints before and beside its log."""
        return self._instance.directory / "log/console"

    def _log_size(self) -> int:
        """Return the present length of the log in bytes."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def _ready(self, read: int) -> bool:
        """Tell whether the log says so beyond a position, and AMI lets us in."""
        if self._log_size() <= read:
            return False
        with open(self.log_file, "rb") as log:
            log.seek(read)
            return b"Asterisk Ready." in log.read() and self._welcomes()

    def _welcomes(self) -> bool:
        """Log in and off again."""
        lines = ["Action: Login", "Username: admin", f"Secret: {self.users['admin']}"]
        lines += ["Events: off", "", "Action: Logoff", "", ""]
        try:
            address = (self.host, self.port)
            with socket.create_connection(address, timeout=2) as link:
                link.sendall("\r\n".join(lines).encode())
                with link.makefile("rb") as answers:
                    return b"Response: Goodbye" in answers.read()
        except OSError:
            return False

    def _failure(self, what: str) -> LabError:
        """Return an error that holds the ends of the server's logs."""
        logs = [debian.tail(self._console), debian.tail(self.log_file)]
        return LabError("\n".join([f"{self!r} {what}", *filter(None, logs)]))


_living: set[Server] = set()
_servers: dict[str, Server] = {}
_starting = threading.Lock()


@atexit.register
def _stop_all() -> None:
    """Leave nothing behind."""
    for living in list(_living):
        living.stop()


def available() -> str | None:
    """Say why servers cannot be started here; ``None`` if they can."""
    if not sys.platform.startswith("linux"):
        return "Asterisk is run from Debian packages, which needs Linux"
    if os.geteuid() != 0:
        return "Asterisk is run in a chroot, which needs root"
    if not all(map(debian.installed, debian.SUITES)):
        return "Asterisk is not installed: run 'python -m tests.asterisk.lab install'"
    if importlib.util.find_spec("trustme") is None:
        return "the package trustme is not installed"
    return None


def server(version: str) -> Server:
    """Return the running server that the whole process shares.

    Whoever makes it crash should take a :func:`spare` instead; it is started again, though.

    :param version: ``"22"`` or ``"16"``.
    :raises LabError: when it cannot be started.
    """
    with _starting:
        if version not in _servers:
            _servers[version] = Server(version)
        _servers[version].start()
        return _servers[version]


def spare(version: str, pjsip: bool = True) -> Server:
    """Return another server, not started, for its caller alone.

    :param version: ``"22"`` or ``"16"``.
    :param pjsip: whether there are PJSIP endpoints.
    """
    return Server(version, pjsip)


def _run(versions: list[str]) -> None:
    """Run servers until Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for version in versions:
        _describe(server(version))
    print("Ctrl-C stops", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def _describe(running: Server) -> None:
    """Tell a person how to get in.

    The secrets stay in their file, for terminals are recorded.
    """
    print(f"Asterisk {running.version}, process {running.pid}")
    print(f"  AMI   {running.host}:{running.port}")
    print(f"  TLS   {running.host}:{running.tls_port}, signed by {running.ca_file}")
    print(f"  HTTP  {running.host}:{running.http_port}")
    print(f"  users {', '.join(running.users)}: see {running.secrets_file}")
    print(f"  log   {running.log_file}")


def main(arguments: list[str]) -> int | str:
    """Do what the command line says.

    :return: the exit status, or a sentence for the standard error.
    """
    command, *versions = arguments or [""]
    try:
        if command == "install" and not versions:
            install()
            return 0
        if command == "run" and set(versions) <= set(debian.SUITES):
            reason = available()
            if reason is None:
                _run(versions or list(debian.SUITES))
            return reason or 0
    except LabError as error:
        return str(error)
    except KeyboardInterrupt:
        return "interrupted"
    return "usage: python -m tests.asterisk.lab install | run [22|16]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
