"""Notifications of oslo.messaging: a notifier, and a listener with the threading executor.

Options: url, topic, listen (priorities to listen for; none by default), and those of
configuration.py.
Commands:
  notify       publisher_id, priority, event_type, payload, ctxt, driver (messagingv2)
  heard        -> {"notifications": [{priority, publisher_id, event_type, payload, ctxt}]}
  stop
"""

import threading

import oslo_messaging
from oslo_context import context

import configuration
import peer


class Endpoint:
    """Remembers what it hears; has a method for the priorities asked for only."""

    def __init__(self, priorities):
        self.lock = threading.Lock()
        self.notifications = []
        for priority in priorities:
            setattr(self, priority, self.method(priority))

    def method(self, priority):
        def hear(ctxt, publisher_id, event_type, payload, metadata):
            with self.lock:
                self.notifications.append(
                    {
                        'priority': priority,
                        'publisher_id': publisher_id,
                        'event_type': event_type,
                        'payload': payload,
                        'ctxt': dict(ctxt),
                        'metadata': metadata,
                    }
                )

        return hear


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Contexts as services send them: the notifier drops those that are plain maps."""

    def serialize_context(self, ctxt):
        return ctxt.to_dict()


def main():
    options = peer.options()
    conf = configuration.load(options)
    transport = oslo_messaging.get_notification_transport(conf, url=options['url'])
    topic = options['topic']
    endpoint = Endpoint(options.get('listen', []))
    listener = None
    if options.get('listen'):
        listener = oslo_messaging.get_notification_listener(
            transport, [oslo_messaging.Target(topic=topic)], [endpoint], executor='threading'
        )
        listener.start()

    def notify(command):
        notifier = oslo_messaging.Notifier(
            transport,
            publisher_id=command.get('publisher_id', 'python'),
            driver=command.get('driver', 'messagingv2'),
            topics=[topic],
            serializer=ContextSerializer(),
        )
        ctxt = context.RequestContext.from_dict(command.get('ctxt', {}))
        method = getattr(notifier, command.get('priority', 'info'))
        method(ctxt, command['event_type'], command.get('payload'))

    def heard(_):
        with endpoint.lock:
            return {'notifications': list(endpoint.notifications)}

    def at_end():
        if listener:
            listener.stop()
            listener.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse({'notify': notify, 'heard': heard}, at_end)


if __name__ == '__main__':
    main()
