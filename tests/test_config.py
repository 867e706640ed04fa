"""Where settings come from, and what is said of those that make no sense."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.memory import MemoryNetwork
from txami.config import VARIABLES, Config, ConfigError, ServerConfig, read_config, read_secret, resolve
from txami.login import Secret
from txami.service import AMIService

SECRET = "hush-hush-never-shown"

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have neither variables nor a file of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("TXAMI_CONFIG", *VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file that only its owner can read."""

    def write_it(text: str, name: str = "txami.toml", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    return write_it


OFFICE = """
[servers.office]
host = "tls:office.example.com"
username = "watcher"
secret_file = "office.secret"
auth = "md5"
events = ["call", "agent"]
ca_file = "office.pem"
timeout = 5
action_timeout = "none"
ping_interval = 7.5
after_login_failed = "retry"
"""


def office(write: Write, more: str = "") -> Config:
    """Return a configuration with a server."""
    write(SECRET + "\n", "office.secret")
    return read_config(str(write(more + OFFICE)))


def complaint(call: Callable[..., object], *arguments: Any) -> str:
    """Return what is said of settings: one line, without a secret."""
    with pytest.raises(ConfigError) as raised:
        call(*arguments)
    text = str(raised.value)
    assert "\n" not in text
    assert SECRET not in text + repr(raised.value)
    return text


# -- precedence --------------------------------------------------------------------------------------------


def test_a_profile(write: Write, tmp_path: Path) -> None:
    server = resolve({}, "office", office(write), {})
    assert (server.name, server.host, server.username) == ("office", "tls:office.example.com", "watcher")
    assert server.secret.reveal() == SECRET
    assert (server.auth, server.events, server.after_login_failed) == ("md5", "call,agent", "retry")
    assert server.ca_file == str(tmp_path / "office.pem")
    assert (server.timeout, server.action_timeout, server.ping_interval) == (5.0, None, 7.5)
    assert server.ping_timeout == 10.0
    assert SECRET not in repr(server)


def test_options_before_environment_before_the_default_profile(write: Write) -> None:
    config = office(write)
    environ = {"TXAMI_USERNAME": "from the environment", "TXAMI_AUTH": "plain", "TXAMI_SECRET": "theirs"}
    server = resolve({"username": "from an option", "auth": None}, None, config, environ)
    assert (server.name, server.username, server.auth) == ("office", "from an option", "plain")
    assert server.events == "call,agent"
    assert server.secret.reveal() == "theirs"


def test_options_before_a_profile_that_is_named_before_the_environment(write: Write) -> None:
    config = office(write)
    environ = {"TXAMI_USERNAME": "from the environment", "TXAMI_AUTH": "plain", "TXAMI_SECRET": "theirs"}
    server = resolve({"events": "off", "auth": None}, "office", config, environ)
    assert (server.username, server.auth, server.events) == ("watcher", "md5", "off")
    assert server.secret.reveal() == SECRET


def test_the_environment_adds_what_a_profile_leaves_open(write: Write) -> None:
    config = read_config(str(write("[servers.office]\nhost = 'office'\nusername = 'watcher'")))
    server = resolve({}, "office", config, {"TXAMI_SECRET": SECRET, "TXAMI_AUTH": "md5"})
    assert (server.host, server.auth, server.secret.reveal()) == ("office", "md5", SECRET)


def test_a_secret_goes_to_no_host_of_another_place(write: Write) -> None:
    theirs = {"TXAMI_HOST": "elsewhere", "TXAMI_USERNAME": "admin", "TXAMI_SECRET": "theirs"}
    assert resolve({}, "office", office(write), theirs).host == "tls:office.example.com"
    no_host = "[servers.office]\nusername = 'watcher'\nsecret = 'hush-hush-never-shown'"
    no_secret = "[servers.office]\nhost = 'office'\nusername = 'watcher'"
    for text, missing in ((no_host, "host"), (no_secret, "secret")):
        heard = complaint(resolve, {}, "office", read_config(str(write(text))), theirs)
        assert heard.startswith(f"no {missing}")
        assert "set TXAMI_" not in heard
        assert heard.endswith("; TXAMI_HOST is set, so that all variables are about another server")
    heard = complaint(resolve, {}, "office", read_config(str(write(no_host))), {})
    assert "give it as an option, or write host =" in heard
    # An option says so in so many words.
    named = resolve({"host": "office-2"}, "office", read_config(str(write(no_host))), theirs)
    assert (named.host, named.username, named.secret.reveal()) == ("office-2", "watcher", SECRET)


def test_each_variable(write: Write) -> None:
    secret = write(SECRET, "secret")
    environ = {
        "TXAMI_HOST": "tls:pbx",
        "TXAMI_USERNAME": "admin",
        "TXAMI_SECRET": "",
        "TXAMI_SECRET_FILE": str(secret),
        "TXAMI_EVENTS": "call",
        "TXAMI_CA_FILE": "ca.pem",
        "TXAMI_AUTH": "md5",
    }
    assert set(environ) == set(VARIABLES)
    server = resolve({}, None, Config(), environ)
    assert (server.name, server.host, server.username) == ("tls:pbx", "tls:pbx", "admin")
    assert (server.events, server.ca_file, server.auth) == ("call", "ca.pem", "md5")
    assert server.secret.reveal() == SECRET


def test_a_file_of_an_option_is_taken_before_a_secret_of_the_environment(write: Write) -> None:
    options = {"host": "pbx", "username": "admin", "secret_file": str(write(SECRET, "secret"))}
    assert resolve(options, None, Config(), {"TXAMI_SECRET": "theirs"}).secret.reveal() == SECRET


def test_the_default_profile(write: Write) -> None:
    several = 'default = "office"\n[servers.home]\nhost = "home"\n'
    assert resolve({}, None, office(write, several), {}).name == "office"
    assert resolve({}, None, office(write), {}).name == "office"  # there is no other


def test_the_default_profile_gives_its_secret_to_no_other_host(write: Write) -> None:
    config = office(write, 'default = "office"\n')
    named: list[tuple[dict[str, str | None], dict[str, str]]] = [
        ({"host": "elsewhere", "username": "admin"}, {}),
        ({"username": "admin"}, {"TXAMI_HOST": "elsewhere"}),
    ]
    for options, environ in named:
        assert "no secret" in complaint(resolve, options, None, config, environ)
    assert resolve({"host": "office-2"}, "office", config, {}).host == "office-2"


def test_the_defaults_are_those_of_the_service() -> None:
    server = resolve({"host": "pbx", "username": "admin"}, None, Config(), {"TXAMI_SECRET": SECRET})
    assert server == ServerConfig("pbx", "pbx", "admin", server.secret)
    theirs = inspect.signature(AMIService).parameters
    for setting in fields(server):
        if setting.default is not MISSING:
            assert setting.default == theirs[setting.name].default, setting.name


# -- what a configuration is good for ----------------------------------------------------------------------


def test_a_service_and_a_connection() -> None:
    network = MemoryNetwork()
    network.fake()
    server = ServerConfig("office", "pbx", "admin", Secret("secret"), events="off")
    service = server.service(network)
    assert service.name == "office"
    service.startService()
    assert network.result_of(service.action("Ping"))["Ping"] == "Pong"
    network.result_of(service.stopService())
    ami: Any = network.result_of(server.connect(network))
    assert ami.logged_in
    network.result_of(ami.logoff())


# -- which file --------------------------------------------------------------------------------------------


def test_no_file() -> None:
    assert read_config(None) == Config()


def test_the_file_in_the_home(write: Write, tmp_path: Path) -> None:
    (tmp_path / "home" / ".config").mkdir(parents=True)
    write('apps = ["a.b", "c:d"]', "home/.config/txami.toml")
    assert read_config(None).apps == ["a.b", "c:d"]


def test_the_file_that_the_environment_names(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXAMI_CONFIG", str(write('apps = ["a"]', "other.toml")))
    assert read_config(None).apps == ["a"]
    assert read_config(str(write('apps = ["b"]'))).apps == ["b"]


def test_a_file_that_is_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "missing.toml")
    said = f"the configuration {missing} cannot be read: No such file or directory"
    assert complaint(read_config, missing) == said
    monkeypatch.setenv("TXAMI_CONFIG", missing)
    assert complaint(read_config, None) == said


# -- what makes no sense -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[servers.office\n", r"is not in the form of TOML: .*line 1"),
        ("sever = 1", r": unknown key 'sever'; is it 'servers'\?"),
        ("zzz = 1", r": unknown key 'zzz'; known are servers, default, apps"),
        ("[servers.office]\nhots = 'x'", r"\[servers.office\] of .*: unknown key 'hots'; is it 'host'\?"),
        ("[servers.office]\npassword = 'hush-hush-never-shown'", r"unknown key 'password'; known are host, .*"),
        ("servers = 1", r"each server is a table: write \[servers.NAME\]"),
        ("[servers]\noffice = 'x'", r"each server is a table: write \[servers.NAME\]"),
        ("apps = 'x'", r'write apps = \["package.module", …\]'),
        ("default = 1", r'write default = "NAME"'),
        ("default = 'ofice'\n[servers.office]", r"has no profile 'ofice': is it 'office'\?"),
        ("default = 'x'\n[servers.office]\n[servers.home]", r"has no profile 'x': there are office, home"),
        ("default = 'x'", r"has no profile 'x': write \[servers.x\]"),
    ],
)
def test_a_file_that_makes_no_sense(write: Write, text: str, said: str) -> None:
    path = write(text)
    heard = complaint(read_config, str(path))
    assert re.search(said, heard)
    assert str(path) in heard


def test_a_file_that_is_no_text(write: Write) -> None:
    path = write("")
    path.write_bytes(b'apps = ["\xe9"]')
    assert "is not in the form of TOML" in complaint(read_config, str(path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("host = 1", "host in [servers.office] of {} must be a text, in quotes, that is not empty"),
        ("username = ' '", "username in [servers.office] of {} must be a text, in quotes, that is not empty"),
        ("secret = 4711", "secret in [servers.office] of {} must be a text, in quotes, that is not empty"),
        ("secret = ['hush-hush-never-shown']", "secret in [servers.office] of {} must be a text, in quotes, that …"),
        ("events = [1]", "events in [servers.office] of {} must be a text, in quotes, that is not empty"),
        ("auth = 'md6'", "auth in [servers.office] of {} is 'md6': write 'plain' or 'md5'"),
        ("after_login_failed = 'x'", "after_login_failed in [servers.office] of {} is 'x': write 'stop' or 'retry'"),
        ("timeout = 'soon'", "timeout in [servers.office] of {} is 'soon': write a number of seconds"),
        ("timeout = 'none'", "timeout in [servers.office] of {} is 'none': write a number of seconds"),
        ("timeout = true", "timeout in [servers.office] of {} is True: write a number of seconds"),
        ("timeout = inf", "timeout in [servers.office] of {} is inf: write a number of seconds"),
        ("action_timeout = -1", "action_timeout in [servers.office] of {} is -1: write a number of seconds, or 'none'"),
        ("ping_interval = 0", "office: ping_interval=0.0 is no time to wait, in seconds; for no pings, …"),
    ],
)
def test_settings_that_make_no_sense(write: Write, line: str, said: str) -> None:
    key = line.partition(" ")[0]
    whole = {"host": "'pbx'", "username": "'admin'", "secret": "'x'"}
    lines = [f"{name} = {value}" for name, value in whole.items() if name != key]
    path = write("\n".join(["[servers.office]", *lines, line]))
    heard = complaint(resolve, {}, None, read_config(str(path)), {})
    assert heard.startswith(said.partition("…")[0].format(path))


def test_options_and_variables_are_called_what_the_user_calls_them() -> None:
    whole = {"host": "pbx", "username": "admin"}
    environ = {"TXAMI_SECRET": SECRET}
    assert "--ping-timeout is 'x'" in complaint(resolve, {**whole, "ping_timeout": "x"}, None, Config(), environ)
    assert "TXAMI_AUTH is 'x'" in complaint(resolve, whole, None, Config(), {**environ, "TXAMI_AUTH": "x"})
    assert "is it 'host'?" in complaint(resolve, {"hots": "pbx"}, None, Config(), environ)


def test_a_profile_with_any_name(write: Write) -> None:
    path = write("[servers.'{}']\nhost = 1")
    assert complaint(resolve, {}, "{}", read_config(str(path)), {}).startswith("host in [servers.{}] of")


def test_what_is_missing(write: Write) -> None:
    assert complaint(resolve, {}, None, Config(), {}) == (
        "no host, which is a place to connect to: give it as an option, set TXAMI_HOST, or write "
        'host = "…" in [servers.NAME] of ~/.config/txami.toml'
    )
    path = write("[servers.office]\nhost = 'pbx'")
    config = read_config(str(path))
    assert complaint(resolve, {}, "office", config, {}).endswith(f'username = "…" in [servers.office] of {path}')
    assert complaint(resolve, {"username": "admin"}, "office", config, {}) == (
        "no secret: give it as an option, set TXAMI_SECRET_FILE, or write "
        f'secret_file = "…" in [servers.office] of {path}'
    )
    assert complaint(resolve, {"host": "pbx", "username": "admin"}, None, Config(), {}) == (
        "no secret: name a file with --secret-file, or set TXAMI_SECRET"
    )


def test_two_secrets_of_one_kind() -> None:
    environ = {"TXAMI_HOST": "pbx", "TXAMI_USERNAME": "x", "TXAMI_SECRET": SECRET, "TXAMI_SECRET_FILE": "file"}
    assert complaint(resolve, {}, None, Config(), environ) == (
        "TXAMI_SECRET and TXAMI_SECRET_FILE are both given: leave one out"
    )


# -- secrets -----------------------------------------------------------------------------------------------


def warnings(call: Callable[..., object], *arguments: Any) -> list[str]:
    """Return what is logged, in which there is no secret."""
    with capturedLogs() as captured:
        call(*arguments)
    assert SECRET not in repr(captured)
    return [formatEvent(event) for event in captured]


def test_a_secret_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(SECRET + "\r\n", "secret")
    assert read_secret(str(path)).reveal() == SECRET
    path.write_bytes(b"h\xe9")
    assert read_secret(str(path)).reveal() == "h\udce9"
    monkeypatch.setenv("TXAMI_SECRET", SECRET)
    assert read_secret(None).reveal() == SECRET


def test_no_secret(write: Write, tmp_path: Path) -> None:
    assert complaint(read_secret, None) == "no secret: name a file with --secret-file, or set TXAMI_SECRET"
    missing = tmp_path / "missing"
    assert complaint(read_secret, str(missing)) == (
        f"the secret file {missing} cannot be read: No such file or directory"
    )
    assert "cannot be read" in complaint(read_secret, str(tmp_path))
    for text in ("", "\n", f"{SECRET}\nmore\n"):
        assert "must hold the secret in one line" in complaint(read_secret, str(write(text, "secret")))


@pytest.mark.skipif(os.name != "posix", reason="the bits of a file's mode are those of POSIX")
def test_what_everybody_can_read_is_warned_of(write: Write) -> None:
    secret = write(SECRET, "secret", 0o640)
    assert warnings(read_secret, str(secret)) == []
    secret.chmod(0o644)
    assert warnings(read_secret, str(secret)) == [
        f"everybody on this machine can read the secret in {secret}: chmod o= {secret}"
    ]


@pytest.mark.skipif(os.name != "posix", reason="the bits of a file's mode are those of POSIX")
def test_a_secret_in_a_configuration_that_everybody_can_read_is_warned_of(write: Write) -> None:
    path = write(f"[servers.office]\nhost = 'pbx'\nusername = 'admin'\nsecret = '{SECRET}'", mode=0o644)
    (warning,) = warnings(read_config, str(path))
    assert str(path) in warning
    path.chmod(0o600)
    assert warnings(read_config, str(path)) == []
    config = read_config(str(path))
    assert SECRET not in repr(config)
    assert resolve({}, None, config, {}).secret.reveal() == SECRET
    assert warnings(read_config, str(write("[servers.office]\nsecret_file = 'x'", mode=0o644))) == []
