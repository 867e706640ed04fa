"""Changing queues and their members."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..wire import encode_action
from .queues import QueueStatusActions
from .reading import done


class QueueActions(QueueStatusActions):
    """
    Changing queues and their members.

    An interface that is no member, or a queue that does not exist, is an :class:`~txami.ActionError`.
    """

    def queue_add(
        self,
        queue: str,
        interface: str,
        *,
        name: str | None = None,
        penalty: int | None = None,
        paused: bool = False,
        reason: str | None = None,
        state_interface: str | None = None,
    ) -> Deferred[None]:
        """
        Make an interface a member of a queue.  One that is a member already is an error.

        :param queue: the queue's name.
        :param interface: what is dialled.  Asterisk does not look whether there is such a thing.
        :param name: the member's name.
        :param penalty: who has less is called first.
        :param paused: whether it begins with a pause.
        :param reason: why it does.
        :param state_interface: the device whose state is looked at, if not the interface.
        """
        return done(
            self.action(
                "QueueAdd",
                Queue=queue,
                Interface=interface,
                MemberName=name,
                Penalty=penalty,
                Paused=paused,
                Reason=reason,
                StateInterface=state_interface,
            )
        )

    def queue_remove(self, queue: str, interface: str) -> Deferred[None]:
        """
        Undo :meth:`queue_add`.  A member of queues.conf cannot be removed.

        :param queue: the queue's name.
        :param interface: the member's.
        """
        return done(self.action("QueueRemove", Queue=queue, Interface=interface))

    def queue_pause(self, interface: str, queue: str | None = None, reason: str | None = None) -> Deferred[None]:
        """
        Let a member have no calls.

        :param interface: the member's.
        :param queue: in which queue; by default in all of them.
        :param reason: why.
        """
        return done(self.action("QueuePause", Interface=interface, Queue=queue, Paused=True, Reason=reason))

    def queue_unpause(self, interface: str, queue: str | None = None, reason: str | None = None) -> Deferred[None]:
        """Undo :meth:`queue_pause`."""
        return done(self.action("QueuePause", Interface=interface, Queue=queue, Paused=False, Reason=reason))

    def queue_toggle_pause(self, interface: str, queue: str, reason: str | None = None) -> Deferred[bool]:
        """
        Pause a member that is not, and let one that is have calls again.

        :param interface: the member's.
        :param queue: in which queue.
        :param reason: why.
        :return: fires with whether it is paused now.
        """
        # Before Asterisk is asked for the queue.
        encode_action("QueuePause", "", {"Interface": interface, "Queue": queue, "Reason": reason})

        async def toggle() -> bool:
            # Asterisk ignores the case of both (apps/app_queue.c: queue_cmp_cb, interface_exists).
            wanted = queue.lower(), interface.lower()
            is_paused = any(
                member.paused and (found.name.lower(), member.interface.lower()) == wanted
                for found in (await self.queues(queue)).values()
                for member in found.members.values()
            )
            # Asterisk says so if it is no member.
            await (self.queue_unpause if is_paused else self.queue_pause)(interface, queue, reason)
            return not is_paused

        return Deferred.fromCoroutine(toggle())

    def queue_penalty(self, interface: str, penalty: int, queue: str | None = None) -> Deferred[None]:
        """
        Change a member's penalty.

        :param interface: the member's.
        :param penalty: who has less is called first.
        :param queue: in which queue; by default in all of them.
        """
        return done(self.action("QueuePenalty", Interface=interface, Penalty=penalty, Queue=queue))

    def queue_ring_in_use(self, interface: str, ring: bool, queue: str | None = None) -> Deferred[None]:
        """
        Say whether a member is called while it is in use.

        :param interface: the member's.
        :param ring: whether it is.
        :param queue: in which queue; by default in all of them.
        """
        return done(self.action("QueueMemberRingInUse", Interface=interface, RingInUse=ring, Queue=queue))

    def queue_log(
        self,
        queue: str,
        event: str,
        *,
        uniqueid: str | None = None,
        interface: str | None = None,
        message: str | None = None,
    ) -> Deferred[None]:
        """
        Write a line into the queue log.

        :param queue: the queue's name.
        :param event: what happened.
        :param uniqueid: of the call that it is about.
        :param interface: of the member that it is about.
        :param message: more about it.
        """
        return done(
            self.action("QueueLog", Queue=queue, Event=event, Uniqueid=uniqueid, Interface=interface, Message=message)
        )

    def queue_reload(
        self, queue: str | None = None, *, members: bool = False, parameters: bool = False, rules: bool = False
    ) -> Deferred[None]:
        """
        Read queues.conf and queuerules.conf anew: some of it, or all.

        :param queue: which queue; by default all of them.  Asterisk does not say if there is none.
        :param members: the members.
        :param parameters: the queues' parameters.
        :param rules: the rules.
        """
        # apps/app_queue.c: manager_queue_reload knows no other word than "yes".
        parts = {"Members": members, "Parameters": parameters, "Rules": rules}
        return done(self.action("QueueReload", {part: "yes" for part, wanted in parts.items() if wanted}, Queue=queue))

    def queue_reset(self, queue: str | None = None) -> Deferred[None]:
        """
        Begin the statistics anew.

        :param queue: of which queue; by default of all.  Asterisk does not say if there is none.
        """
        return done(self.action("QueueReset", Queue=queue))
