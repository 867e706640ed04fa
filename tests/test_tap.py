"""The subcommand of twistd, in memory: options, apps, lines of JSON, and what is said of mistakes."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.plugin import IPlugin

import txami
from tests.memory import MemoryNetwork
from txami import AMIService, tap
from txami.cli import build_parser
from txami.config import KEYS, VARIABLES
from txami.message import Event
from txami.testing import FakeAsterisk

HOME = Path(__file__).parents[1]
SECRET = "hush-hush-never-shown"
OFFICE = ["--endpoint", "office", "--username", "admin"]

TWO_SERVERS = """
[servers.office]
host = "office"
username = "admin"
secret = "secret"

[servers.branch]
host = "branch:5039"
username = "admin"
secret = "secret"
"""

Install = Callable[..., None]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no settings of whoever runs the tests, but a secret."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("TXAMI_CONFIG", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TXAMI_SECRET", "secret")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a module, ``handlers`` if no other name is given, with these names in it."""

    def install_it(name: str = "handlers", **names: object) -> None:
        module = types.ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)

    return install_it


class Daemon:
    """
    What twistd does, on a network in memory.

    :ivar server: answers at port 5038 of any host.
    """

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.server: FakeAsterisk = self.network.fake()
        self.out = io.StringIO()
        self.services: tap.Daemon | None = None

    def start(self, *arguments: str, **environ: str) -> None:
        """Start with these arguments, and let the connections be made."""
        options = tap.Options()
        options.parseOptions(arguments)
        environ = {"TXAMI_SECRET": "secret", **environ}
        self.services = tap.build(options, self.network, environ, self.out)
        self.services.startService()
        self.network.pass_time(0.1)

    def stop(self) -> None:
        """Stop, as SIGTERM does."""
        assert self.services is not None
        self.network.result_of(self.services.stopService())

    def service(self, name: str = "office") -> AMIService:
        """Return the connection to a server."""
        assert self.services is not None
        return self.services.pool[name]

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of JSON that were written."""
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def emit(self, event: str, *headers: tuple[str, object], server: FakeAsterisk | None = None) -> None:
        """Let a server send an event, and let it arrive."""
        (server or self.server).emit(event, headers)
        self.network.pass_time(0.1)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Give a daemon to a test, and see that it logs off in the end."""
    daemon = Daemon()
    yield daemon
    if daemon.services is not None and daemon.services.running:
        daemon.stop()
    assert daemon.server.sessions == []


def write(tmp_path: Path, text: str) -> str:
    """Write a configuration file."""
    path = tmp_path / "txami.toml"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


# -- events as lines of JSON -------------------------------------------------------------------------------


def test_without_apps_every_event_is_written(daemon: Daemon) -> None:
    daemon.start(*OFFICE)
    daemon.emit("Hangup", ("Channel", "PJSIP/a"), ("ChanVariable", "a=1"), ("ChanVariable", "b=2"), ("Empty", ""))
    booted, hangup = daemon.lines()
    assert booted["event"] == "FullyBooted"
    assert hangup == {
        "server": "office",
        "time": 0.1,
        "event": "Hangup",
        "headers": {
            "Event": "Hangup",
            "Privilege": "call,all",
            "Channel": "PJSIP/a",
            "ChanVariable": ["a=1", "b=2"],
            "Empty": "",
        },
    }


def test_a_phone_writes_no_line_of_its_own() -> None:
    event = Event(b"Event: x\r\nserver: forged\r\nName: \xe9\n\x1b[2J\xe2\x80\xa8\r\nA: 1\r\nA: 2\r\nA: 3")
    line = tap.line_for("office", 1.0000001, event)
    assert line.isascii()
    assert line.isprintable()
    read = json.loads(line)
    assert (read["server"], read["time"], read["headers"]["server"]) == ("office", 1.0, "forged")
    assert read["headers"]["Name"] == event["Name"]
    assert read["headers"]["A"] == ["1", "2", "3"]


class BrokenPipe(io.StringIO):
    """An output whose reader has gone."""

    def write(self, text: str) -> int:
        """Fail as the system does."""
        raise BrokenPipeError(32, "Broken pipe")

    def close(self) -> None:
        """Fail, too, after closing."""
        super().close()
        raise BrokenPipeError(32, "Broken pipe")


def test_it_stops_when_nobody_reads(daemon: Daemon) -> None:
    daemon.out = BrokenPipe()
    stopped: list[bool] = []
    daemon.network.stop = lambda: stopped.append(True)  # type: ignore[method-assign]
    with capturedLogs() as captured:
        daemon.start(*OFFICE)
        daemon.emit("Hangup")
    assert stopped == [True]
    assert [formatEvent(each) for each in captured if each["log_level"] >= LogLevel.warn] == [
        "events can be written no more: [Errno 32] Broken pipe"
    ]


# -- apps --------------------------------------------------------------------------------------------------


def test_an_app_is_there_from_the_first_event_on(daemon: Daemon, install: Install) -> None:
    heard: list[str] = []
    install(main=lambda service: service.on(None, lambda event: heard.append(event.name)) and None)
    daemon.start(*OFFICE, "--app", "handlers")
    daemon.emit("Hangup")
    assert heard == ["FullyBooted", "Hangup"]
    assert daemon.out.getvalue() == ""


def test_several_apps(daemon: Daemon, install: Install) -> None:
    got: list[tuple[str, AMIService]] = []
    install("first", main=lambda service: got.append(("main", service)))
    tools = types.SimpleNamespace(watch=lambda service: got.append(("watch", service)))
    install("second", tools=tools)
    daemon.start(*OFFICE, "--app", "first", "--app", "second:tools.watch")
    service = daemon.service()
    assert got == [("main", service), ("watch", service)]
    assert service.name == "office"


def test_the_apps_of_the_configuration(daemon: Daemon, install: Install, tmp_path: Path) -> None:
    got: list[str] = []
    install("first", main=lambda service: got.append("first"))
    install("second", main=lambda service: got.append("second"))
    path = write(tmp_path, 'apps = ["first"]')
    daemon.start(*OFFICE, "--config", path)
    daemon.stop()
    daemon.start(*OFFICE, "--config", path, "--app", "second")
    assert got == ["first", "second"]


class Child(Service):
    """What an app may return."""

    stopped: Deferred[None] | None = None

    def stopService(self) -> Deferred[None] | None:
        """Stop when the test says so."""
        super().stopService()
        return self.stopped


def test_a_service_that_an_app_returns_becomes_a_child(daemon: Daemon, install: Install) -> None:
    child, late = Child(), Child()

    async def later(service: AMIService) -> Service:
        await service.when_ready()
        return late

    install(main=lambda service: child, later=later)
    daemon.start(*OFFICE, "--app", "handlers", "--app", "handlers:later")
    assert (child.running, late.running) == (1, 1)
    daemon.stop()
    assert (child.running, late.running) == (0, 0)


def test_the_connection_stays_until_the_apps_have_ended(daemon: Daemon, install: Install) -> None:
    child, replies = Child(), []
    child.stopped = Deferred()

    async def work(service: AMIService) -> None:
        try:
            await Deferred()
        finally:
            replies.append((await service.action("Ping"))["Ping"])

    install(main=lambda service: child, work=work)
    daemon.start(*OFFICE, "--app", "handlers", "--app", "handlers:work")
    assert daemon.services is not None
    stopping = daemon.services.stopService()
    daemon.network.pass_time(1)
    assert replies == ["Pong"]
    assert daemon.service().logged_in
    child.stopped.callback(None)
    daemon.network.result_of(stopping)
    assert daemon.server.sessions == []


def test_apps_that_do_not_end_are_not_waited_for_for_ever(daemon: Daemon, install: Install) -> None:
    child = Child()
    child.stopped = Deferred()

    async def stubborn(service: AMIService) -> None:
        for _ in range(3):
            with suppress(CancelledError):
                await Deferred()

    install(main=lambda service: child, stubborn=stubborn)
    daemon.start(*OFFICE, "--app", "handlers", "--app", "handlers:stubborn")
    with capturedLogs() as captured:
        daemon.stop()
    texts = [formatEvent(event) for event in captured]
    assert "the apps did not end within 5 s; logging off nevertheless" in texts


def failing(service: AMIService) -> None:
    """Fail at once."""
    raise RuntimeError("at once")


async def failing_later(service: AMIService) -> None:
    """Fail on the connection."""
    await service.when_ready()
    raise RuntimeError("later")


def test_an_app_that_fails_is_logged_and_the_others_go_on(daemon: Daemon, install: Install) -> None:
    got: list[object] = []
    child = Child()
    child.stopped = fail(RuntimeError("at the end"))
    install(at_once=failing, later=failing_later, child=lambda service: child, last=got.append)
    apps = [f"--app=handlers:{name}" for name in ("at_once", "later", "child", "last")]
    with capturedLogs() as captured:
        daemon.start(*OFFICE, *apps)
        daemon.stop()
    assert got == [daemon.service()]
    failures = [(event["what"], event["log_failure"].getErrorMessage()) for event in captured if "what" in event]
    assert failures == [("handlers:at_once", "at once"), ("handlers:later", "later"), (child, "at the end")]


def test_an_app_that_is_cancelled_has_not_failed(daemon: Daemon, install: Install) -> None:
    ended: list[type[BaseException]] = []

    async def wait(service: AMIService) -> None:
        try:
            await Deferred()
        except BaseException as error:
            ended.append(type(error))
            raise

    install(main=wait)
    daemon.start(*OFFICE, "--app", "handlers")
    with capturedLogs() as captured:
        daemon.stop()
    assert ended == [CancelledError]
    assert not [event for event in captured if event["log_level"] >= LogLevel.warn]


def test_a_second_start_does_not_call_the_apps_again(daemon: Daemon, install: Install) -> None:
    heard: list[str] = []
    calls: list[AMIService] = []

    def main(service: AMIService) -> None:
        calls.append(service)
        service.on("Hangup", lambda event: heard.append(event.name))

    install(main=main)
    daemon.start(*OFFICE, "--app", "handlers")
    daemon.stop()
    assert daemon.services is not None
    daemon.services.startService()
    daemon.network.pass_time(0.1)
    daemon.emit("Hangup")
    assert len(calls) == 1
    assert heard == ["Hangup"]


# -- servers -----------------------------------------------------------------------------------------------


def test_several_servers(daemon: Daemon, install: Install, tmp_path: Path) -> None:
    branch = daemon.network.fake(5039)
    names: list[str | None] = []
    install(main=lambda service: names.append(service.name))
    path = write(tmp_path, TWO_SERVERS)
    daemon.start("--config", path, "--profile", "office", "--profile", "branch", "--app", "handlers")
    assert names == ["office", "branch"]
    assert (len(daemon.server.sessions), len(branch.sessions)) == (1, 1)
    daemon.stop()
    assert branch.sessions == []


def test_the_events_of_several_servers_are_told_apart(daemon: Daemon, tmp_path: Path) -> None:
    branch = daemon.network.fake(5039)
    # The variables are those of one server.
    daemon.start("--config", write(tmp_path, TWO_SERVERS), "--profile=branch", "--profile=office", TXAMI_HOST="x")
    daemon.emit("Hangup", server=branch)
    daemon.emit("Newchannel")
    heard = [(line["server"], line["event"]) for line in daemon.lines() if line["event"] != "FullyBooted"]
    assert heard == [("branch", "Hangup"), ("office", "Newchannel")]


def test_options_go_before_the_environment_and_that_before_the_profile(daemon: Daemon, tmp_path: Path) -> None:
    path = write(tmp_path, '[servers.office]\nhost = "office"\nusername = "nobody"\nauth = "plain"\n')
    daemon.start("--config", path, "--auth", "md5", TXAMI_USERNAME="admin", TXAMI_AUTH="plain")
    (session,) = daemon.server.sessions
    challenge, login = session.actions[:2]
    assert (challenge["Action"], login["Username"], login["AuthType"]) == ("Challenge", "admin", "MD5")


def test_a_login_that_is_refused_leaves_the_others_alone(daemon: Daemon, tmp_path: Path) -> None:
    branch = daemon.network.fake(5039)
    branch.users.clear()
    stopped: list[bool] = []
    daemon.network.stop = lambda: stopped.append(True)  # type: ignore[method-assign]
    with capturedLogs() as captured:
        daemon.start("--config", write(tmp_path, TWO_SERVERS), "--profile=branch", "--profile=office")
        daemon.network.pass_time(300)
    (error,) = [formatEvent(each) for each in captured if each["log_level"] >= LogLevel.error]
    assert error.endswith("not trying again")
    assert (daemon.service("branch").logged_in, daemon.service().logged_in, stopped) == (False, True, [])


# -- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "interface"), [("9101", "127.0.0.1"), ("0.0.0.0:9101", "0.0.0.0"), ("[::1]:9101", "::1")]
)
def test_metrics(daemon: Daemon, place: str, interface: str) -> None:
    before = list(daemon.network.tcpServers)
    daemon.start(*OFFICE, "--metrics-port", place)
    (listener,) = (each for each in daemon.network.tcpServers if each not in before)
    assert (listener[0], listener[3]) == (9101, interface)
    daemon.stop()
    assert daemon.network.tcpServers == before


def test_the_port_for_metrics_is_taken(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(port: int, factory: object, interface: str) -> None:
        raise CannotListenError(interface, port, OSError(98, "Address already in use"))

    monkeypatch.setattr(daemon.network, "listenTCP", refuse)
    with pytest.raises(SystemExit) as ending:
        daemon.start(*OFFICE, "--metrics-port", "9101")
    assert ending.value.code == "txami: --metrics-port 9101: [Errno 98] Address already in use"


def test_metrics_without_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "txami.metrics", None)
    said = "--metrics-port needs more packages: pip install 'txami[metrics]'"
    assert refused(*OFFICE, "--metrics-port", "9101") == said


# -- mistakes ----------------------------------------------------------------------------------------------


def refused(*arguments: str) -> str:
    """Return what twistd says of a command line that it refuses: one line, with which it exits with code 1."""

    def run() -> None:
        options = tap.Options()
        options.parseOptions(arguments)
        tap.makeService(options)

    with pytest.raises(SystemExit) as ending:
        run()
    # The interpreter prints a text to the standard error, and exits with 1.
    text = ending.value.code
    assert isinstance(text, str)
    assert "\n" not in text
    assert SECRET not in text
    assert ending.value.__suppress_context__
    return text.removeprefix("txami: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no host, which is a place to connect to: give it as an option, set TXAMI_HOST, or write host = …"),
        (["--endpoint", "pbx"], "no username, which is a section of manager.conf: give it as an option, …"),
        (["--endpoint", "pbx:99999", "--username", "x"], "'pbx:99999': a port is a number from 1 to 65535"),
        (["--endpoint", "no place", "--username", "x"], "'no place' is no place to connect to …"),
        ([*OFFICE, "--events", ","], "events=',' names no class of events; use None for all and 'off' for none"),
        ([*OFFICE, "--auth", "x"], "--auth is 'x': write 'plain' or 'md5'"),
        ([*OFFICE, "--ping-interval", "x"], "--ping-interval is 'x': write a number of seconds, or 'none'"),
        ([*OFFICE, "--secret-file", "/no/such"], "the secret file /no/such cannot be read: No such file or directory"),
        (
            ["--endpoint", "tls:office", "--username", "x", "--ca-file", "/no/such"],
            "/no/such: No such file or directory",
        ),
        ([*OFFICE, "--metrics-port", "x:y"], "--metrics-port is 'x:y': write PORT or ADDRESS:PORT"),
        (["--config", "/no/such"], "the configuration /no/such cannot be read: No such file or directory"),
        (["--profile", "x"], "~/.config/txami.toml has no profile 'x': write [servers.x]"),
        (["--profile=a", "--profile=b", *OFFICE], "--endpoint, --username: for one server only; with several, …"),
        (["--profile=a", "--profile=a"], "the same --profile is given twice"),
        ([f"--password={SECRET}"], "option --password not recognized; see --help"),
        ([SECRET], "Wrong number of arguments.; see --help"),
        (["--app"], "option --app requires argument; see --help"),
    ],
)
def test_a_command_line_that_makes_no_sense(arguments: list[str], said: str) -> None:
    assert refused(*arguments).startswith(said.partition("…")[0])


@pytest.mark.parametrize("option", ["--secret", "--sec", "--secret-fil"])
def test_the_secret_is_no_argument(option: str) -> None:
    said = "a secret is never given on the command line: use --secret-file, or set TXAMI_SECRET; see --help"
    assert refused(*OFFICE, option, SECRET) == said
    assert refused(*OFFICE, f"{option}={SECRET}") == said


def test_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TXAMI_SECRET")
    assert refused(*OFFICE) == "no secret: name a file with --secret-file, or set TXAMI_SECRET"


def test_bad_toml(tmp_path: Path) -> None:
    path = write(tmp_path, f"secret = {SECRET}")
    assert refused("--config", path).startswith(f"{path} is not in the form of TOML: ")


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("nowhere", "the app 'nowhere': there is no module 'nowhere'; install it, or put its folder on PYTHONPATH"),
        ("txami.nowhere", "the app 'txami.nowhere': there is no module 'txami.nowhere'; …"),
        ("no.where:x", "the app 'no.where:x': there is no module 'no'; …"),
        ("handlers", "the app 'handlers': the module has no 'main'; define it, or name another as handlers:CALLABLE"),
        ("handlers:x.y", "the app 'handlers:x.y': the module has no 'x.y'; …"),
        ("handlers:number", "the app 'handlers:number': 'number' cannot be called; …"),
        ("", "the app '' cannot be imported: ValueError: Empty module name …"),
    ],
)
def test_an_app_that_is_not_there(install: Install, app: str, said: str) -> None:
    install(number=1)
    assert refused(*OFFICE, "--app", app).startswith(said.partition("…")[0])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import txami\n1 / 0\n", "ZeroDivisionError: division by zero ({}, line 2)"),
        ("import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all' ({}, line 1)"),
        ("from txami import nothing\n", "ImportError: cannot import name 'nothing'"),
        ("def\n", "SyntaxError: invalid syntax"),
    ],
)
def test_an_app_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "broken_app.py"
    module.write_text(code)
    heard = refused(*OFFICE, "--app", "broken_app")
    assert heard.startswith(f"the app 'broken_app' cannot be imported: {said.format(module)}")


# -- what twistd sees --------------------------------------------------------------------------------------


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as ending:
            tap.Options().parseOptions([option])
        assert not ending.value.code
    shown = capsys.readouterr().out
    assert shown.endswith(f"\ntxami {txami.__version__}\n")
    for option in (*tap._SERVER_OPTIONS, "config", "profile", "app"):
        assert f"--{option}=" in shown


def test_the_plugin_imports_nothing() -> None:
    program = (
        "import sys; from twisted.plugins.txami_plugin import txami as plugin; print(plugin.tapname, plugin.module); "
        "sys.exit(any(name == 'txami' or name.startswith('txami.') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "txami txami.tap\n", "")


def test_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    from twisted.plugins.txami_plugin import txami as plugin

    assert IPlugin.providedBy(plugin)
    assert plugin.options is tap.Options
    options = plugin.options()
    options.parseOptions([*OFFICE])
    assert IService.providedBy(plugin.makeService(options))


def test_twisteds_folders_stay_twisteds() -> None:
    assert not list((HOME / "twisted").rglob("__init__.py"))


# -- the documentation -------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    """Return the blocks of a language in what the documentation says of the daemon."""
    text = (HOME / "docs" / "twistd.rst").read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Do what the documentation says, in a folder."""
    (handlers,), (configuration,) = blocks("python"), blocks("toml")
    for name in ("secret", "office.secret", "branch.secret"):
        (tmp_path / name).write_text("secret\n")
    write(tmp_path, configuration)
    (tmp_path / "home" / ".config").mkdir(parents=True)
    shutil.copytree(tmp_path, tmp_path / "home" / ".config", dirs_exist_ok=True, ignore=lambda *_: ["home"])
    (tmp_path / "callcentre").mkdir()
    (tmp_path / "callcentre" / "handlers.py").write_text(handlers)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TXAMI_SECRET")
    return tmp_path


def test_the_command_lines_of_the_documentation(reader: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    servers = []
    for line in lines:
        _, command = shlex.split(line)[:2]
        assert command == "twistd"
        options = tap.Options()
        options.parseOptions(shlex.split(line.partition(" txami ")[2]))
        servers.append([*tap.build(options, MemoryNetwork(), {}, io.StringIO()).pool.servers])
    office, branch = "office", "branch"
    assert servers == [["tls:pbx.example.com:5039"], [office], [office], [branch], [office, branch]]


def test_the_handlers_of_the_documentation(reader: Path, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--profile branch --username admin --app callcentre.handlers --app callcentre.handlers:report"
    daemon.start(*arguments.split())
    daemon.emit("Hangup", ("Channel", "PJSIP/alice-00000001"), ("Cause-txt", "Normal Clearing"))
    assert capsys.readouterr().out.splitlines() == [
        "branch 0 channels",
        "branch PJSIP/alice-00000001 Normal Clearing",
    ]


def test_the_line_of_json_of_the_documentation() -> None:
    (line,) = (line for block in blocks("console") for line in block.splitlines() if line.startswith("{"))
    read = json.loads(line)
    event = Event("\r\n".join(f"{name}: {value}" for name, value in read["headers"].items()).encode())
    assert tap.line_for(read["server"], read["time"], event) == line


def test_the_unit_of_the_documentation_looks_at_the_same_server_first() -> None:
    (unit,) = blocks("ini")
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    before, start = (shlex.split(settings[name]) for name in ("ExecStartPre", "ExecStart"))
    assert (Path(before[0]).name, [Path(start[0]).name, start[1]]) == ("txami", ["twist", "txami"])
    daemon, ping = tap.Options(), build_parser().parse_args(before[1:])
    daemon.parseOptions(start[2:])
    assert daemon["config"] == ping.config
    assert ping.run.__name__ == "_ping"


def test_the_settings_of_the_documentation() -> None:
    text = (HOME / "docs" / "twistd.rst").read_text(encoding="utf-8")
    for name in (*VARIABLES, *KEYS, *(f"--{option}" for option in tap._SERVER_OPTIONS)):
        assert f"``{name}``" in text
