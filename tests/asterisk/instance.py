"""What one server has on the disk: its configuration, certificate, database and logs.

All of it lies in a directory of a random name below ``/run`` of the system that the
server is chrooted into, so any number of servers can run from one installation.
While a process uses the directory it holds a lock in there; a directory without a
lock is a leftover of a run that died, and is swept away together with its server.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import string
import time
import typing

from tests.asterisk import debian

_TEMPLATES = pathlib.Path(__file__).with_name("conf")
_PREFIX = "txami-"
_SUBDIRECTORIES = (
    *("cache", "etc", "keys", "lib/keys", "log", "moh", "run"),
    *("spool/monitor", "spool/outgoing", "spool/tmp", "spool/voicemail"),
)
#: Ports below those that the kernel hands out for outgoing connections.
_PORTS = range(10000, 32000)
# Tests may seed the common generator, and then all would pick the same ports.
_random = random.SystemRandom()
_MEDIA_PORTS = 50

USERS = ("admin", "caller", "watcher", "mute", "slowpoke", "single")
_SERVICES = ("ami", "tls", "http", "pjsip", "sip", "iax", "skinny")


class _Template(string.Template):
    """A template with ``%{name}``, for Asterisk itself uses the dollar sign."""

    delimiter = "%"


class Instance:
    """The files, ports and secrets of one server.

    Ports and secrets last as long as the object; the files come with :meth:`create`
    and go with :meth:`remove`.

    :param root: the system in which the server will run.
    :param pjsip: whether there are PJSIP endpoints.
    """

    def __init__(self, root: pathlib.Path, pjsip: bool = True) -> None:
        self._root = root
        self._pjsip = pjsip
        self._lock: typing.IO[str] | None = None
        #: the directory as the server sees it
        self.base = pathlib.Path("/run") / f"{_PREFIX}{secrets.token_hex(6)}"
        #: the directory as everybody else sees it
        self.directory = root / self.base.relative_to("/")
        self.ports = dict(zip(_SERVICES, _free_ports(len(_SERVICES)), strict=True))
        self.secrets = {user: secrets.token_hex(16) for user in USERS}
        self._phone_secret = secrets.token_hex(16)

    @property
    def exists(self) -> bool:
        """Whether the files are there."""
        return self._lock is not None

    def create(self) -> None:
        """Write all files, having swept away what earlier runs left."""
        run = self.directory.parent
        with open(run / "txami.lock", "w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            _sweep(run)
            self.directory.mkdir(mode=0o700)
            self._lock = open(self.directory / "lock", "w")  # noqa: SIM115
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        for name in _SUBDIRECTORIES:
            (self.directory / name).mkdir(parents=True)
        self._write_configuration()
        self._write_certificate()
        # A second of silence is all the music that anybody gets.
        (self.directory / "moh/silence.ulaw").write_bytes(b"\xff" * 8000)

    def remove(self) -> None:
        """Remove all files; idempotent."""
        if self._lock is not None:
            shutil.rmtree(self.directory)
            self._lock.close()
            self._lock = None

    def _write_configuration(self) -> None:
        """Fill in the templates."""
        values = self._values()
        for template in _TEMPLATES.glob("*.conf"):
            if template.name == "pjsip_endpoints.conf" and not self._pjsip:
                continue
            text = _Template(template.read_text()).substitute(values)
            _write_private(self.directory / "etc" / template.name, text.encode())

    def _values(self) -> dict[str, str]:
        """Return what the templates ask for."""
        media = _random.randrange(_PORTS.start, _PORTS.stop - 2 * _MEDIA_PORTS, 2)
        return {
            "base": str(self.base),
            "modules": str(self._modules()),
            "phone_secret": self._phone_secret,
            "rtp_start": str(media),
            "rtp_end": str(media + _MEDIA_PORTS - 1),
            "udptl_start": str(media + _MEDIA_PORTS),
            "udptl_end": str(media + 2 * _MEDIA_PORTS - 1),
            **{f"{name}_port": str(port) for name, port in self.ports.items()},
            **{f"{user}_secret": value for user, value in self.secrets.items()},
        }

    def _modules(self) -> pathlib.Path:
        """Find Asterisk's modules, which newer packages keep with their architecture.

        :raises LabError: when there are none.
        """
        for pattern in ("usr/lib/asterisk/modules", "usr/lib/*/asterisk/modules"):
            for directory in self._root.glob(pattern):
                return pathlib.Path("/") / directory.relative_to(self._root)
        raise debian.LabError(f"no Asterisk modules in {self._root}")

    def _write_certificate(self) -> None:
        """Make an authority and have it sign a certificate for the server."""
        import trustme  # installing Asterisk must work without it

        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1", "::1")
        keys = self.directory / "keys"
        authority.cert_pem.write_to_path(str(keys / "ca.pem"))
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        (keys / "server.pem").write_bytes(chain)
        _write_private(keys / "server.key", issued.private_key_pem.bytes())


def _write_private(file: pathlib.Path, content: bytes) -> None:
    """Write a new file that nobody else may read at any time."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)


def _free_ports(count: int) -> list[int]:
    """Pick ports of the loopback interface that are free for TCP and UDP."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for port in _random.sample(_PORTS, len(_PORTS)):
            if len(ports) == count:
                break
            if _hold(stack, port):
                ports.append(port)
        return ports


def _hold(stack: contextlib.ExitStack, port: int) -> bool:
    """Bind a port for both transports until the stack is left, if that can be."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        held = stack.enter_context(socket.socket(socket.AF_INET, kind))
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _sweep(run: pathlib.Path) -> None:
    """Remove the directories that no living process holds, and end their servers."""
    for directory in run.glob(f"{_PREFIX}*/"):
        with contextlib.suppress(OSError), open(directory / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_orphan(f"/run/{directory.name}/")
            shutil.rmtree(directory)


def _end_orphan(base: str) -> None:
    """Kill the server that was started with a configuration below a directory.

    The name of the directory is random, so nothing else can have it in its command.
    """
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if base in _command(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
            while base in _command(process):
                time.sleep(0.01)


def _command(process: pathlib.Path) -> str:
    """Return the command line of a process; nothing for one that has ended."""
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
