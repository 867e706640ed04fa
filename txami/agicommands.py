"""The commands of AGI as methods: :class:`AGICommands`."""

from __future__ import annotations

from datetime import datetime

from twisted.internet.defer import Deferred, fail

from .agi import AGIResult, quote
from .errors import AGIError, InvalidAction

#: A moment: seconds since 1970, or a ``datetime``; one without a time zone is local time.
Moment = datetime | int | float


class AGICommands:
    """
    The commands of AGI; whoever mixes it in sends them.

    Each method fires when Asterisk is done with the command.  It fails with :class:`~txami.AGIError` if the
    command is refused or fails, with :class:`~txami.AGIHangup` if the call leaves first, and with
    :class:`~txami.ConnectionLost`, :class:`~txami.ActionError` and :class:`~txami.ActionTimeout` like an action.
    One that cannot be sent raises :class:`~txami.InvalidAction` at once.

    ``escape_digits`` are the keys that interrupt a sound.  For keys, ``""`` means that none was pressed.
    """

    def _send(self, name: str, text: str, timeout: float | None) -> Deferred[AGIResult]:
        """Send a command; supplied by the class that this one is mixed into."""
        raise TypeError("AGICommands is to be mixed into a class that has _send()")

    def _failed(self, command: str, result: AGIResult) -> Deferred[AGIResult]:
        """Return what a result that tells of a failure is: an error."""
        return fail(AGIError(command, result))

    def command(self, text: str, *, timeout: float | None = None) -> Deferred[AGIResult]:
        """
        Send a command as it is written.

        :param text: such as ``'GET DATA enter-ext 5000 "4"'``; the quoting is yours.
        :param timeout: see :meth:`execute`.
        :return: see :meth:`execute`.
        """
        # The rest of the text may be a secret, which no error is to repeat.
        return self._send(text.split()[0].upper() if text.strip() else "", text, timeout)

    def execute(self, command: str, *arguments: object, timeout: float | None = None) -> Deferred[AGIResult]:
        """
        Run any command of AGI: ``session.execute("SEND TEXT", "hello")``.

        :param command: its name, of one word or several.
        :param arguments: each is quoted, so that Asterisk reads exactly this text.
        :param timeout: seconds, ``None`` to wait as long as it takes.  Asterisk does not stop the command then.
        :return: fires with an :class:`~txami.AGIResult`, also if its ``result`` tells of a failure: mostly -1.
        """
        return self._send(command, " ".join([command, *map(quote, arguments)]), timeout)

    def application(self, name: str, *arguments: object, timeout: float | None = None) -> Deferred[AGIResult]:
        """
        Run an application of the dialplan: ``session.application("Dial", "PJSIP/alice", 30)``.

        The variables in its arguments are not replaced, and it says nothing of how it went beyond -1 for "end the
        call": look at its variable, such as ``DIALSTATUS``.

        :param name: the application.
        :param arguments: joined by commas.
        :param timeout: see :meth:`execute`.
        """
        options = [",".join(map(str, arguments))] if arguments else []
        return self._checked("EXEC", name, *options, failures=("-1", "-2"), timeout=timeout)

    def _checked(
        self, command: str, *arguments: object, failures: tuple[str, ...] = ("-1",), timeout: float | None = None
    ) -> Deferred[AGIResult]:
        """Run a command, and fail if its result is one of these."""

        def check(result: AGIResult) -> AGIResult | Deferred[AGIResult]:
            return self._failed(command, result) if result.result in failures else result

        return self.execute(command, *arguments, timeout=timeout).addCallback(check)

    def _done(self, command: str, *arguments: object, failures: tuple[str, ...] = ("-1",)) -> Deferred[None]:
        return self._checked(command, *arguments, failures=failures).addCallback(lambda _: None)

    def _digit(self, command: str, *arguments: object) -> Deferred[str]:
        return self._checked(command, *arguments).addCallback(lambda result: result.digit)

    def _value(self, command: str, *arguments: object) -> Deferred[str | None]:
        return self._checked(command, *arguments).addCallback(_data_of)

    # -- the call --------------------------------------------------------------------------------------

    def answer(self) -> Deferred[None]:
        """Answer the call, if it is not answered yet."""
        return self._done("ANSWER")

    def channel_status(self, channel: str | None = None) -> Deferred[int | None]:
        """
        Return the state of a channel, such as 6 for up.

        :param channel: its name; by default this call's.
        :return: fires with ``None`` if there is no such channel.
        """
        result = self.execute("CHANNEL STATUS", *_given(channel))
        return result.addCallback(lambda result: None if result.result == "-1" else int(result.result))

    def set_context(self, context: str) -> Deferred[None]:
        """Have the dialplan go on in this context."""
        return self._done("SET CONTEXT", context)

    def set_extension(self, extension: str | int) -> Deferred[None]:
        """Have the dialplan go on at this extension."""
        return self._done("SET EXTENSION", extension)

    def set_priority(self, priority: str | int) -> Deferred[None]:
        """Have the dialplan go on at this priority, a number or a label."""
        return self._done("SET PRIORITY", priority)

    # -- variables -------------------------------------------------------------------------------------

    def get_variable(self, name: str) -> Deferred[str | None]:
        """
        Return the value of a variable or function of the channel.

        :param name: such as ``"DIALSTATUS"`` or ``"CALLERID(num)"``.
        :return: fires with ``None`` if it is not set, or if the function fails.
        """
        return self._value("GET VARIABLE", name)

    def get_full_variable(self, expression: str, channel: str | None = None) -> Deferred[str | None]:
        """
        Return what the dialplan would make of an expression.

        :param expression: such as ``"${CALLERID(num)} in ${CONTEXT}"``.
        :param channel: the channel whose variables these are; by default this call's.
        :return: fires with ``None`` if there is no such channel.
        """
        return self._value("GET FULL VARIABLE", expression, *_given(channel))

    def set_variable(self, name: str, value: object) -> Deferred[None]:
        """
        Set a variable or function of the channel to exactly this text.  A function that fails does not tell.

        :raises InvalidAction: if there is no name, which Asterisk does not check.
        """
        if not name:
            raise InvalidAction("SET VARIABLE: the variable needs a name")
        return self._done("SET VARIABLE", name, value)

    # -- sounds and keys -------------------------------------------------------------------------------

    def stream_file(self, filename: str, escape_digits: str = "", offset: int = 0) -> Deferred[AGIResult]:
        """
        Play a sound file.

        If there is no such file Asterisk ends the session: the dialplan goes on, with ``AGISTATUS`` FAILURE.

        :param filename: without its extension.
        :param escape_digits: the keys that interrupt it.
        :param offset: in samples, where to begin.
        :return: fires with the result: ``digit`` and ``endpos``.
        """
        return self._checked("STREAM FILE", filename, escape_digits, offset)

    def get_option(self, filename: str, escape_digits: str = "", timeout: float = 5.0) -> Deferred[AGIResult]:
        """
        Play a sound file and wait for a key.

        :param filename: without its extension.
        :param escape_digits: the keys to wait for.
        :param timeout: seconds to wait after the end of the file.
        :return: fires with the result: ``digit`` and ``endpos``.
        """
        return self._checked("GET OPTION", filename, escape_digits, _milliseconds(timeout))

    def get_data(self, filename: str, timeout: float | None = None, max_digits: int | None = None) -> Deferred[str]:
        """
        Play a sound file and collect keys, up to ``#``.

        :param filename: without its extension.
        :param timeout: seconds to wait for each key; by default Asterisk's own.
        :param max_digits: how many keys are enough.
        :return: fires with the keys, without the ``#``, as many as came in time.
        """
        limits = [] if max_digits is None else [max_digits]
        if timeout is not None or limits:
            limits.insert(0, _milliseconds(timeout or 0))
        return self._checked("GET DATA", filename, *limits).addCallback(lambda result: result.result)

    def wait_for_digit(self, timeout: float | None = None) -> Deferred[str]:
        """
        Wait for a key.

        :param timeout: seconds, ``None`` to wait as long as it takes.
        """
        return self._digit("WAIT FOR DIGIT", -1 if timeout is None else _milliseconds(timeout))

    def record_file(
        self,
        filename: str,
        format: str = "wav",
        escape_digits: str = "#",
        *,
        timeout: float | None = None,
        offset: int = 0,
        beep: bool = False,
        silence: int | None = None,
    ) -> Deferred[AGIResult]:
        """
        Record the caller.

        :param filename: without its extension.
        :param format: the extension.
        :param escape_digits: the keys that end it.
        :param timeout: seconds it may last, ``None`` for no limit.
        :param offset: in samples, where to begin in a file that exists.
        :param beep: whether to beep first.
        :param silence: seconds of silence that end it.
        :return: fires with the result: ``digit``, ``endpos``, and in ``data`` what ended it.
        """
        limit = -1 if timeout is None else _milliseconds(timeout)
        options = [offset] if offset else []
        words = (["BEEP"] if beep else []) + ([] if silence is None else [f"s={silence}"])
        return self._checked("RECORD FILE", filename, format, escape_digits, limit, *options, *words)

    def say_digits(self, digits: str | int, escape_digits: str = "") -> Deferred[str]:
        """Say digits one by one; fires with the key that interrupted it."""
        return self._digit("SAY DIGITS", digits, escape_digits)

    def say_number(self, number: int, escape_digits: str = "", gender: str | None = None) -> Deferred[str]:
        """Say a number; fires with the key that interrupted it."""
        return self._digit("SAY NUMBER", number, escape_digits, *_given(gender))

    def say_alpha(self, text: str, escape_digits: str = "") -> Deferred[str]:
        """Spell a text; fires with the key that interrupted it."""
        return self._digit("SAY ALPHA", text, escape_digits)

    def say_phonetic(self, text: str, escape_digits: str = "") -> Deferred[str]:
        """Spell a text in the phonetic alphabet; fires with the key that interrupted it."""
        return self._digit("SAY PHONETIC", text, escape_digits)

    def say_date(self, moment: Moment, escape_digits: str = "") -> Deferred[str]:
        """Say the date of a moment; fires with the key that interrupted it."""
        return self._digit("SAY DATE", _epoch(moment), escape_digits)

    def say_time(self, moment: Moment, escape_digits: str = "") -> Deferred[str]:
        """Say the time of a moment; fires with the key that interrupted it."""
        return self._digit("SAY TIME", _epoch(moment), escape_digits)

    def say_datetime(
        self, moment: Moment, escape_digits: str = "", format: str | None = None, timezone: str | None = None
    ) -> Deferred[str]:
        """
        Say date and time.

        :param moment: seconds since 1970, or a ``datetime``.
        :param escape_digits: the keys that interrupt it.
        :param format: as in ``voicemail.conf``; by default that of the language.
        :param timezone: such as ``"Europe/Vienna"``; only with a format.
        :return: fires with the key that interrupted it.
        """
        return self._digit("SAY DATETIME", _epoch(moment), escape_digits, *_given(format, timezone))

    # -- the database ----------------------------------------------------------------------------------

    def database_get(self, family: str, key: str) -> Deferred[str | None]:
        """Return a value of Asterisk's database, ``None`` if there is none."""
        return self._value("DATABASE GET", family, key)

    def database_put(self, family: str, key: str, value: object) -> Deferred[None]:
        """Write a value into Asterisk's database."""
        return self._done("DATABASE PUT", family, key, value, failures=("0",))

    def database_del(self, family: str, key: str) -> Deferred[None]:
        """Remove a value from Asterisk's database, if there is one."""
        return self._done("DATABASE DEL", family, key, failures=("0",))

    # -- the rest --------------------------------------------------------------------------------------

    def verbose(self, message: str, level: int = 1) -> Deferred[None]:
        """Write a message to Asterisk's console and log."""
        return self._done("VERBOSE", message, level)

    def noop(self) -> Deferred[None]:
        """Do nothing; fires when all commands before are done."""
        return self._done("NOOP")


def _data_of(result: AGIResult) -> str | None:
    return None if result.result == "0" else result.data


def _given(*arguments: str | None) -> list[str]:
    """Return the arguments up to the first that is left out."""
    return [argument for argument in arguments if argument is not None]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _epoch(moment: Moment) -> int:
    return int(moment.timestamp() if isinstance(moment, datetime) else moment)
