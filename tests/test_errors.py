"""What errors say, and what they are."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone

from txami import errors
from txami.errors import (
    ActionError,
    ActionTimeout,
    AMIError,
    ConnectionLost,
    EventsDropped,
    EventTimeout,
    InvalidAction,
    InvalidEndpoint,
    LoginFailed,
    NotConnected,
    ProtocolError,
)
from txami.message import Event, Response


def refusal(message: str) -> ActionError:
    return ActionError("Originate", Response(f"Response: Error\r\nMessage: {message}".encode()))


def test_all_are_children_of_one() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(classes) == 14
    assert all(issubclass(each, AMIError) for each in classes)


def test_the_faults_of_the_caller_are_value_errors() -> None:
    # Others, such as ConfigError, are there only when their module has been imported.
    ours = [each for each in AMIError.__subclasses__() if each.__module__ == AMIError.__module__]
    assert [each for each in ours if issubclass(each, ValueError)] == [InvalidAction, InvalidEndpoint]


def test_timeouts_are_timeout_errors() -> None:
    assert [each for each in AMIError.__subclasses__() if issubclass(each, TimeoutError)] == [
        ActionTimeout,
        EventTimeout,
    ]


@pytest.mark.parametrize("error", [InvalidAction, InvalidEndpoint, NotConnected, ProtocolError])
def test_the_text_of_the_others_is_what_they_are_made_with(error: type[AMIError]) -> None:
    assert str(error("what is wrong")) == "what is wrong"


def test_an_action_error_says_what_asterisk_says() -> None:
    error = refusal("No such channel")
    assert str(error) == "Originate: Asterisk says: No such channel"
    assert (error.action, error.response.message) == ("Originate", "No such channel")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (
            "Permission denied",
            "(the user lacks a write class for this action: originate; see 'write =' in manager.conf)",
        ),
        (
            "permission DENIED.",
            "(the user lacks a write class for this action: originate; see 'write =' in manager.conf)",
        ),
        (
            "Extension does not exist.",
            "(check Context, Exten and Priority: 'dialplan show EXTEN@CONTEXT')",
        ),
        ("Asterisk is shutting down", "(try again when it is up)"),
    ],
)
def test_an_action_error_says_what_to_do(message: str, hint: str) -> None:
    assert str(refusal(message)) == f"Originate: Asterisk says: {message} {hint}"


def test_the_error_of_a_command_is_in_its_output() -> None:
    response = Response(b"Response: Error\r\nOutput: No such command 'x'\r\nOutput: Try help")
    assert str(ActionError("Command", response)) == "Command: Asterisk says: No such command 'x'\nTry help"


def test_an_action_error_without_a_reason() -> None:
    assert str(ActionError("Ping", Response(b"Response: Error"))) == "Ping: Asterisk says: no reason given"


def test_an_action_timeout_without_any_reply() -> None:
    error = ActionTimeout("Ping", 2.5)
    assert str(error) == "Ping: no reply within 2.5 s; give a longer timeout= if the action is slow"
    assert (error.action, error.timeout, error.partial) == ("Ping", 2.5, None)


def test_an_action_timeout_with_a_part_of_the_reply() -> None:
    partial = Response(b"Response: Success", [Event(b"Event: Status")] * 3, complete=False)
    error = ActionTimeout("Status", 30.0, partial)
    assert str(error) == (
        "Status: only a part of the reply (3 events) within 30 s; give a longer timeout= if the action is slow"
    )
    assert error.partial is partial


def test_an_event_timeout() -> None:
    error = EventTimeout("Hangup", 60)
    assert str(error) == (
        "no event Hangup that matches came within 60 s; check the events mask and the user's read classes"
    )
    assert (error.names, error.timeout) == ("Hangup", 60)


def test_dropped_events() -> None:
    error = EventsDropped(1000)
    assert str(error) == "more than 1000 events were waiting to be read; read faster, or ask for a larger limit="
    assert error.limit == 1000


def test_a_lost_connection() -> None:
    error = ConnectionLost(None, False)
    assert str(error) == "the connection to Asterisk was lost"
    assert (error.action, error.sent, error.reason) == (None, False, None)


def test_a_lost_connection_and_its_reason() -> None:
    reason = ConnectionDone()
    error = ConnectionLost(None, False, reason)
    assert str(error) == "the connection to Asterisk was lost: Connection was closed cleanly."
    assert error.reason is reason


def test_a_reason_without_a_text_is_called_by_its_class() -> None:
    assert str(ConnectionLost(None, False, RuntimeError())) == "the connection to Asterisk was lost: RuntimeError"


def test_a_connection_lost_before_the_reply_says_whether_the_action_was_sent() -> None:
    assert str(ConnectionLost("Originate", True)) == (
        "Originate: the connection to Asterisk was lost before the reply "
        "(the outcome is unknown, look before you repeat it)"
    )
    error = ConnectionLost("Originate", False, TimeoutError("no answer"))
    assert str(error) == (
        "Originate: the connection to Asterisk was lost before the reply (it was not sent): no answer"
    )
    assert (error.action, error.sent) == ("Originate", False)


def test_a_failed_login_says_what_to_check() -> None:
    error = LoginFailed("admin", "Authentication failed")
    assert str(error) == (
        "Asterisk refused to log in 'admin': Authentication failed; "
        "check the name, the secret and the permit= and deny= lines of this user in manager.conf"
    )
    assert (error.username, error.message, error.temporary) == ("admin", "Authentication failed", False)


@pytest.mark.parametrize("message", ["Login Already In Use", "Asterisk is shutting down", "asterisk IS SHUTTING DOWN."])
def test_a_refusal_that_passes_is_temporary(message: str) -> None:
    assert LoginFailed("admin", message).temporary is True


def test_what_passes_is_not_blamed_on_the_secret() -> None:
    text = str(LoginFailed("admin", "Login Already In Use"))
    assert "try again later" in text
    assert "secret" not in text
