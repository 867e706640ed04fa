"""What the connection and the service have in common, as an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from twisted.internet.defer import Deferred

    from .actions import (
        Bridge,
        Channel,
        Conference,
        ConferenceMember,
        ConfigCategory,
        Contact,
        CoreSettings,
        CoreStatus,
        DialplanEntry,
        Endpoint,
        EndpointDetail,
        ExtensionState,
        MailboxCount,
        OutboundRegistration,
        ParkedCall,
        ParkingLot,
        Peer,
        Presence,
        Queue,
        QueueSummary,
        VoicemailUser,
    )
    from .actions.channels import Direction
    from .actions.recording import Side
    from .message import Event, Response
    from .originate import Call
    from .selection import Method
    from .streams import EventStream, Overflow
    from .subscription import Names, Observer, Subscription, Where
    from .wire import Fields, HeaderValue


class IAMI(Interface):
    """
    A manager interface to talk to: :class:`~txami.AMIProtocol` while its connection lasts,
    :class:`~txami.AMIService` for as long as it runs.
    """

    def action(
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = None,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Deferred[Response]:
        """Send an action; the Deferred fires with its whole reply."""

    def command(command: str, *, timeout: float | None = None, check: bool = True) -> Deferred[Response]:
        """Run a CLI command; its lines are the response's ``output``."""

    def originate(channel: str) -> Deferred[Call]:
        """Place a call, with the options of :meth:`txami.AMIProtocol.originate`."""

    # -- Looking at channels, and acting on one of them

    def channels(*, timeout: float | None = None) -> Deferred[dict[str, Channel]]:
        """Look at all channels."""

    def channel(channel: str, variables: Iterable[str] = ()) -> Deferred[Channel | None]:
        """Look at one channel."""

    def hangup(channel: str, cause: int | None = None) -> Deferred[int]:
        """End a channel, or several."""

    def get_variable(name: str, channel: str | None = None) -> Deferred[str]:
        """Read a variable or a function."""

    def set_variable(name: str, value: object, channel: str | None = None) -> Deferred[None]:
        """Set a variable or a function."""

    def send_text(channel: str, text: str) -> Deferred[None]:
        """Send a text to a channel."""

    def play_dtmf(channel: str, digits: str, *, duration: float | None = None, receive: bool = False) -> Deferred[None]:
        """Play digits to a channel."""

    def mute(channel: str, direction: Direction = "all") -> Deferred[None]:
        """Silence a channel."""

    def unmute(channel: str, direction: Direction = "all") -> Deferred[None]:
        """Undo ``mute()``."""

    def absolute_timeout(channel: str, seconds: float | None) -> Deferred[None]:
        """Have a channel hung up after a time."""

    def local_optimize_away(channel: str) -> Deferred[None]:
        """Have Asterisk take a Local channel out of the call as soon as it is not needed."""

    # -- Sending channels elsewhere, and connecting them

    def redirect(
        channel: str,
        context: str,
        exten: str | int,
        priority: str | int = 1,
        *,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str | int | None = None,
        extra_priority: str | int = 1,
    ) -> Deferred[None]:
        """Send a channel, or the two of a call, elsewhere in the dialplan."""

    def blind_transfer(channel: str, context: str, exten: str | int) -> Deferred[None]:
        """Transfer whom a channel talks to, as if the phone had done it."""

    def attended_transfer(channel: str, context: str, exten: str | int) -> Deferred[None]:
        """Let a channel transfer whom it talks to after asking there first."""

    def cancel_attended_transfer(channel: str) -> Deferred[None]:
        """End an attended transfer that is under way, and go back to the call."""

    def bridge(
        channel1: str, channel2: str, tone: Literal["no", "channel1", "channel2", "both"] = "no"
    ) -> Deferred[None]:
        """Connect two channels, out of whatever they are in."""

    def bridges(*, timeout: float | None = None) -> Deferred[dict[str, Bridge]]:
        """Look at all bridges (Asterisk 12 and later)."""

    # -- Looking at queues, their members and callers

    def queues(queue: str | None = None, *, timeout: float | None = None) -> Deferred[dict[str, Queue]]:
        """Look at all queues with their members and callers, or at one."""

    def queue_summary(queue: str | None = None, *, timeout: float | None = None) -> Deferred[dict[str, QueueSummary]]:
        """Count members and callers."""

    # -- Changing queues and their members

    def queue_add(
        queue: str,
        interface: str,
        *,
        name: str | None = None,
        penalty: int | None = None,
        paused: bool = False,
        reason: str | None = None,
        state_interface: str | None = None,
    ) -> Deferred[None]:
        """Make an interface a member of a queue.  One that is a member already is an error."""

    def queue_remove(queue: str, interface: str) -> Deferred[None]:
        """Undo ``queue_add()``.  A member of queues.conf cannot be removed."""

    def queue_pause(interface: str, queue: str | None = None, reason: str | None = None) -> Deferred[None]:
        """Let a member have no calls."""

    def queue_unpause(interface: str, queue: str | None = None, reason: str | None = None) -> Deferred[None]:
        """Undo ``queue_pause()``."""

    def queue_toggle_pause(interface: str, queue: str, reason: str | None = None) -> Deferred[bool]:
        """Pause a member that is not, and let one that is have calls again."""

    def queue_penalty(interface: str, penalty: int, queue: str | None = None) -> Deferred[None]:
        """Change a member's penalty."""

    def queue_ring_in_use(interface: str, ring: bool, queue: str | None = None) -> Deferred[None]:
        """Say whether a member is called while it is in use."""

    def queue_log(
        queue: str, event: str, *, uniqueid: str | None = None, interface: str | None = None, message: str | None = None
    ) -> Deferred[None]:
        """Write a line into the queue log."""

    def queue_reload(
        queue: str | None = None, *, members: bool = False, parameters: bool = False, rules: bool = False
    ) -> Deferred[None]:
        """Read queues.conf and queuerules.conf anew: some of it, or all."""

    def queue_reset(queue: str | None = None) -> Deferred[None]:
        """Begin the statistics anew."""

    # -- Conferences of ConfBridge

    def conferences(*, timeout: float | None = None) -> Deferred[dict[str, Conference]]:
        """Look at all conferences."""

    def conference_members(conference: str, *, timeout: float | None = None) -> Deferred[dict[str, ConferenceMember]]:
        """Look at who is in a conference."""

    def conference_mute(conference: str, channel: str) -> Deferred[None]:
        """Let nobody hear a member."""

    def conference_unmute(conference: str, channel: str) -> Deferred[None]:
        """Undo ``conference_mute()``."""

    def conference_kick(conference: str, channel: str) -> Deferred[None]:
        """Throw a member out."""

    def conference_lock(conference: str) -> Deferred[None]:
        """Let only administrators join from now on."""

    def conference_unlock(conference: str) -> Deferred[None]:
        """Undo ``conference_lock()``."""

    def conference_start_recording(conference: str, file: str | None = None) -> Deferred[None]:
        """Record a conference.  One that is being recorded is an error."""

    def conference_stop_recording(conference: str) -> Deferred[None]:
        """Undo ``conference_start_recording()``.  A conference that is not recorded is an error."""

    # -- Parked calls and where they are parked (Asterisk 12 and later)

    def park(
        channel: str,
        *,
        lot: str | None = None,
        space: int | None = None,
        park_time: float | None = None,
        announce_channel: str | None = None,
        timeout_channel: str | None = None,
    ) -> Deferred[None]:
        """Park a channel."""

    def parked_calls(lot: str | None = None, *, timeout: float | None = None) -> Deferred[list[ParkedCall]]:
        """Look at the calls that are parked."""

    def parking_lots() -> Deferred[dict[str, ParkingLot]]:
        """Look at the parking lots."""

    # -- Recording channels, by MixMonitor

    def mixmonitor(channel: str, file: str, *, options: str = "", command: str | None = None) -> Deferred[str]:
        """Record a channel, both sides in one file."""

    def mixmonitor_stop(channel: str, mixmonitor_id: str | None = None) -> Deferred[None]:
        """End a recording.  A channel that is not recorded is an error."""

    def mixmonitor_mute(channel: str, direction: Side = "both", mixmonitor_id: str | None = None) -> Deferred[None]:
        """Record silence for a while.  Asterisk does not say if the channel is not recorded at all."""

    def mixmonitor_unmute(channel: str, direction: Side = "both", mixmonitor_id: str | None = None) -> Deferred[None]:
        """Undo ``mixmonitor_mute()``."""

    # -- Asterisk's own database: families of keys and values

    def db_get(family: str, key: str) -> Deferred[str | None]:
        """Read an entry."""

    def db_put(family: str, key: str, value: object) -> Deferred[None]:
        """Write an entry."""

    def db_delete(family: str, key: str) -> Deferred[bool]:
        """Delete an entry."""

    def db_delete_tree(family: str, key: str | None = None) -> Deferred[bool]:
        """Delete all entries of a family, or those below a key."""

    def db_tree(
        family: str | None = None, key: str | None = None, *, timeout: float | None = None
    ) -> Deferred[dict[str, str]]:
        """Read all entries of a family, or those below a key."""

    # -- Endpoints of PJSIP: phones and trunks, their contacts and registrations

    def endpoints(*, timeout: float | None = None) -> Deferred[dict[str, Endpoint]]:
        """Look at all endpoints."""

    def endpoint(name: str) -> Deferred[EndpointDetail | None]:
        """Look at one endpoint."""

    def endpoint_qualify(name: str) -> Deferred[None]:
        """Have Asterisk look whether an endpoint answers; an event ``ContactStatus`` tells if that has changed."""

    def endpoint_notify(name: str, event: str, headers: Mapping[str, object] | None = None) -> Deferred[None]:
        """Send a NOTIFY to an endpoint."""

    def contacts(*, timeout: float | None = None) -> Deferred[list[Contact]]:
        """Look at all contacts that were registered.  Those of pjsip.conf are seen with their ``endpoint()``."""

    def inbound_registrations(*, timeout: float | None = None) -> Deferred[list[Contact]]:
        """Look at who has registered here."""

    def outbound_registrations(*, timeout: float | None = None) -> Deferred[dict[str, OutboundRegistration]]:
        """Look at how Asterisk registers elsewhere."""

    # -- Peers of chan_sip, which Asterisk had up to version 20, and of IAX

    def sip_peers(*, timeout: float | None = None) -> Deferred[dict[str, Peer]]:
        """Look at the peers of chan_sip."""

    def sip_peer(name: str) -> Deferred[Response | None]:
        """Look at one peer of chan_sip."""

    def sip_notify(name: str, event: str, headers: Mapping[str, object] | None = None) -> Deferred[None]:
        """Send a NOTIFY to a peer of chan_sip."""

    def iax_peers(*, timeout: float | None = None) -> Deferred[dict[str, Peer]]:
        """Look at the peers of IAX."""

    # -- The states of extensions, of devices, and of people's presence

    def extension_state(exten: str | int, context: str) -> Deferred[ExtensionState]:
        """Look at the state of an extension that has a hint."""

    def extension_states(*, timeout: float | None = None) -> Deferred[list[ExtensionState]]:
        """Look at the states of all extensions that have a hint."""

    def device_states(*, timeout: float | None = None) -> Deferred[dict[str, str]]:
        """Look at the states of all devices that Asterisk has heard of."""

    def presence(provider: str) -> Deferred[Presence]:
        """Look at somebody's presence."""

    def presences(*, timeout: float | None = None) -> Deferred[dict[str, Presence]]:
        """Look at the presence of all whose presence was ever set."""

    # -- The dialplan

    def dialplan(
        context: str | None = None, exten: str | int | None = None, *, timeout: float | None = None
    ) -> Deferred[list[DialplanEntry]]:
        """Look at the dialplan."""

    # -- Mailboxes of voicemail

    def mailbox_status(mailbox: str) -> Deferred[bool]:
        """Tell whether there are messages not heard yet."""

    def mailbox_count(mailbox: str) -> Deferred[MailboxCount]:
        """Count messages."""

    def voicemail_users(*, timeout: float | None = None) -> Deferred[dict[str, VoicemailUser]]:
        """Look at who has a mailbox."""

    # -- The server itself: what it is, what one may do there, its modules and files

    def ping() -> Deferred[float]:
        """Ask whether the server is there."""

    def commands() -> Deferred[dict[str, tuple[str, ...]]]:
        """Look at the actions that this user may send."""

    def allowed(action: str) -> Deferred[bool]:
        """Tell whether this user may send an action, without sending it."""

    def core_status() -> Deferred[CoreStatus]:
        """Look at how the server is."""

    def core_settings() -> Deferred[CoreSettings]:
        """Look at how the server is set up."""

    def module_check(module: str) -> Deferred[bool]:
        """Tell whether a module is loaded."""

    def module_load(module: str, *, timeout: float | None = None) -> Deferred[None]:
        """Load a module."""

    def module_unload(module: str, *, timeout: float | None = None) -> Deferred[None]:
        """Undo ``module_load()``."""

    def module_reload(module: str, *, timeout: float | None = None) -> Deferred[None]:
        """Have a module read its configuration anew."""

    def reload(part: str | None = None, *, timeout: float | None = None) -> Deferred[None]:
        """Have Asterisk read its configuration anew."""

    def get_config(file: str, category: str | None = None) -> Deferred[list[ConfigCategory]]:
        """Read a file of the configuration."""

    def user_event(name: str, headers: Mapping[str, HeaderValue] | None = None) -> Deferred[None]:
        """Send an event ``UserEvent`` to all who read class ``user``, oneself included."""

    # -- Choosing which events Asterisk sends

    def set_event_mask(events: str | Iterable[str] | None) -> Deferred[None]:
        """Change the events mask of the login.  A service uses it for later connections, too."""

    def add_filter(
        action: Literal["include", "exclude"],
        *,
        event: str | None = None,
        header: str | None = None,
        value: str | None = None,
        method: Method = "exact",
    ) -> Deferred[None]:
        """Have Asterisk send only some events, or not send some."""

    # -- Observing events

    def on(names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """Observe events."""

    def once(names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """Observe one event."""

    def on_unhandled(observer: Observer) -> Subscription:
        """Observe the events that nobody else does."""

    def on_fully_booted(observer: Observer) -> Subscription:
        """Observe that Asterisk has booted."""

    def on_reload(observer: Observer) -> Subscription:
        """Observe that a module has read its configuration anew."""

    def on_shutdown(observer: Observer) -> Subscription:
        """Observe that Asterisk is about to stop or to restart."""

    def wait_for(names: Names, where: Where = None, timeout: float | None = None) -> Deferred[Event]:
        """Wait for an event."""

    def events(
        names: Names = None, where: Where = None, *, limit: int = 1000, overflow: Overflow = "drop_oldest"
    ) -> EventStream:
        """Iterate over events."""

    def when_disconnected() -> Deferred[Exception]:
        """Wait for the connection to end."""
