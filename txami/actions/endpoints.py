"""Endpoints of PJSIP: phones and trunks, their contacts and registrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from twisted.internet.defer import Deferred

from ..errors import InvalidAction
from ..message import Event, Response
from ..originate import escape_value
from ..records import record
from ..wire import Value
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import decimal, done, items, maybe_number, moment, unless, words

#: A name of a header, RFC 3261's ``token``.
_TOKEN: Final = re.compile(r"[\w.!%*+`'~-]+", re.ASCII)


@record(frozen=True)
class Endpoint:
    """
    An endpoint, in short.

    :ivar state: of its device, such as ``"Not in use"`` or ``"Unavailable"``.
    :ivar active_channels: how many it has; ``None`` where Asterisk does not say (16).
    :ivar contacts: the addresses where it is reached, as ``AOR/URI``.
    :ivar event: where all this is from.
    """

    name: str
    state: str
    active_channels: int | None
    transport: str
    aors: tuple[str, ...]
    auths: tuple[str, ...]
    contacts: tuple[str, ...]
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> Endpoint:
        """Read an ``EndpointList``."""
        return cls(
            name=event.get("ObjectName", ""),
            state=event.get("DeviceState", ""),
            active_channels=maybe_number(event, "ActiveChannels"),
            transport=event.get("Transport", ""),
            aors=words(event, "Aor"),
            auths=words(event, "Auths"),
            contacts=words(event, "Contacts"),
            event=event,
        )


@record(frozen=True)
class Contact:
    """
    An address where an endpoint is reached.

    :ivar aor: the address of record that it is bound to.
    :ivar uri: such as ``"sip:alice@192.0.2.1:5060"``.
    :ivar status: ``"Reachable"``, ``"Unreachable"``, ``"NonQualified"`` and so on.
    :ivar round_trip: seconds that the last qualify took, ``None`` if there was none.
    :ivar expires: when the registration ends, in seconds since 1970; ``None`` for never.
    :ivar event: where all this is from.
    """

    aor: str
    endpoint: str
    uri: str
    status: str
    round_trip: float | None
    user_agent: str
    expires: int | None
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> Contact:
        """Read a ``ContactList`` or a ``ContactStatusDetail``, which name the same things differently."""
        microseconds = decimal(event, "RoundtripUsec")
        return cls(
            # The name of the object is "AOR;@" or "AOR@@" and a digest of the URI.
            aor=event.get("AOR") or event.get("ObjectName", "").rpartition("@")[0].rstrip(";@"),
            endpoint=event.get("EndpointName", event.get("Endpoint", "")),
            uri=event.get("URI", ""),
            status=event.get("Status", ""),
            round_trip=None if microseconds is None else microseconds / 1_000_000,
            user_agent=event.get("UserAgent", ""),
            expires=moment(event, "RegExpire") or moment(event, "ExpirationTime"),
            event=event,
        )


@record(frozen=True)
class EndpointDetail:
    """
    All about an endpoint.

    What it is made of comes as events, whose headers are the options of pjsip.conf; a ``repr`` shows none of
    them, for there are passwords.

    :ivar name: the endpoint's.
    :ivar state: of its device, such as ``"Not in use"``.
    :ivar contacts: the addresses where it is reached.
    :ivar event: the ``EndpointDetail`` with the endpoint's own options.
    :ivar aors: its ``AorDetail``.
    :ivar auths: its ``AuthDetail``, with user names and passwords.
    :ivar transports: its ``TransportDetail``.
    :ivar identifies: its ``IdentifyDetail``.
    """

    name: str
    state: str
    contacts: list[Contact]
    event: Event = field(repr=False, compare=False)
    aors: list[Event] = field(repr=False, compare=False)
    auths: list[Event] = field(repr=False, compare=False)
    transports: list[Event] = field(repr=False, compare=False)
    identifies: list[Event] = field(repr=False, compare=False)

    @classmethod
    def from_response(cls, response: Response) -> EndpointDetail:
        """Read the reply to ``PJSIPShowEndpoint``."""
        event = next(iter(items(response, "EndpointDetail")), Event(b""))
        return cls(
            name=event.get("ObjectName", ""),
            state=event.get("DeviceState", ""),
            contacts=[Contact.from_event(item) for item in items(response, "ContactStatusDetail")],
            event=event,
            aors=items(response, "AorDetail"),
            auths=items(response, "AuthDetail"),
            transports=items(response, "TransportDetail"),
            identifies=items(response, "IdentifyDetail"),
        )


@record(frozen=True)
class OutboundRegistration:
    """
    How Asterisk registers with another server.

    :ivar status: such as ``"Registered"``, ``"Unregistered"`` or ``"Rejected"``.
    :ivar server_uri: with whom.
    :ivar client_uri: as whom.
    :ivar next_attempt: seconds until the next, ``None`` if it is not known.
    :ivar event: where all this is from.
    """

    name: str
    status: str
    server_uri: str
    client_uri: str
    next_attempt: int | None
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> OutboundRegistration:
        """Read an ``OutboundRegistrationDetail``."""
        return cls(
            name=event.get("ObjectName", ""),
            status=event.get("Status", ""),
            server_uri=event.get("ServerUri", ""),
            client_uri=event.get("ClientUri", ""),
            next_attempt=maybe_number(event, "NextReg"),
            event=event,
        )


class EndpointActions(ActionBase):
    """Endpoints of PJSIP: phones and trunks, their contacts and registrations."""

    def endpoints(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Endpoint]]:
        """
        Look at all endpoints.

        :param timeout: seconds for the whole list.
        :return: fires with an :class:`~txami.actions.Endpoint` for each name; empty if there is none.
        """
        asked = self.action("PJSIPShowEndpoints", timeout=timeout)
        return unless(asked, "No endpoints found").addCallback(
            lambda response: {each.name: each for each in map(Endpoint.from_event, items(response))}
        )

    def endpoint(self, name: str) -> Deferred[EndpointDetail | None]:
        """
        Look at one endpoint.

        :param name: such as ``"alice"``.
        :return: fires with an :class:`~txami.actions.EndpointDetail`, ``None`` if there is no such endpoint.
        """
        asked = self.action("PJSIPShowEndpoint", Endpoint=name)
        return unless(asked, "Unable to retrieve endpoint").addCallback(
            lambda response: None if response is None else EndpointDetail.from_response(response)
        )

    def endpoint_qualify(self, name: str) -> Deferred[None]:
        """
        Have Asterisk look whether an endpoint answers; an event ``ContactStatus`` tells if that has changed.

        :param name: such as ``"alice"``; that there is no such endpoint is an :class:`~txami.ActionError`.
        """
        return done(self.action("PJSIPQualify", Endpoint=name))

    def endpoint_notify(self, name: str, event: str, headers: Mapping[str, object] | None = None) -> Deferred[None]:
        """
        Send a NOTIFY to an endpoint.

        :param name: such as ``"alice"``; that there is no such endpoint is an :class:`~txami.ActionError`.
        :param event: such as ``"check-sync"``, which makes many phones read their configuration.
        :param headers: further headers of SIP, and the body as ``Content``.
        """
        return done(self.action("PJSIPNotify", Endpoint=name, Variable=notify_variables(event, headers)))

    def contacts(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[list[Contact]]:
        """
        Look at all contacts that were registered.  Those of pjsip.conf are seen with their :meth:`endpoint`.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Contact` for each; empty if there is none.
        """
        asked = self.action("PJSIPShowContacts", timeout=timeout)
        return unless(asked, "No Contacts found").addCallback(_contacts)

    def inbound_registrations(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[list[Contact]]:
        """
        Look at who has registered here.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Contact` for each.
        """
        asked = self.action("PJSIPShowRegistrationInboundContactStatuses", timeout=timeout)
        return asked.addCallback(_contacts)

    def outbound_registrations(
        self, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[dict[str, OutboundRegistration]]:
        """
        Look at how Asterisk registers elsewhere.

        :param timeout: seconds for the whole list.
        :return: fires with an :class:`~txami.actions.OutboundRegistration` for each name.
        """
        asked = self.action("PJSIPShowRegistrationsOutbound", timeout=timeout)
        return asked.addCallback(_registrations)


def notify_variables(event: str, headers: Mapping[str, object] | None) -> list[Value]:
    """
    Return the headers of a NOTIFY as the actions want them: they are split like the variables of a call
    (``main/manager.c: astman_get_variables_order``), so that a comma would begin another header.

    :raises InvalidAction: if a header cannot have such a name.
    """
    for header in headers or {}:
        if not _TOKEN.fullmatch(header):
            raise InvalidAction(f"notify: {header[:80]!a} is not the name of a header of SIP")
    pairs = [("Event", event), *(headers or {}).items()]
    return [f"{header}={escape_value(value)}" for header, value in pairs]


def _contacts(response: Response | None) -> list[Contact]:
    return [Contact.from_event(event) for event in items(response)]


def _registrations(response: Response) -> dict[str, OutboundRegistration]:
    # Their AuthDetail stand between them.
    events = items(response, "OutboundRegistrationDetail")
    return {each.name: each for each in map(OutboundRegistration.from_event, events)}
