"""Notifications of oslo.messaging: a notifier, and listeners with the threading executor.

Options: url, topic, and those of configuration.py. listen: priorities of one listener; or
listeners: a list of objects, each with
  listen       the priorities that it has methods for
  pool         its pool; none by default
  batch        [size, timeout in seconds]; by default it takes one at a time
  filter       the arguments of NotificationFilter
  requeue      how often it gives everything back, at first; allows requeue if it is there
Commands:
  notify       publisher_id, priority, event_type, payload, ctxt, driver (messagingv2)
  heard        listener (0) -> {"notifications": [{priority, publisher_id, event_type, payload,
               ctxt, metadata}], "batches": the size of each batch, "requeued": N}
  stop
"""

import threading

import oslo_messaging
from oslo_context import context

import configuration
import peer


class Endpoint:
    """Remembers what it hears; has a method for the priorities asked for only."""

    def __init__(self, options):
        self.lock = threading.Lock()
        self.notifications = []
        self.batches = []
        self.requeued = 0
        self.requeue = options.get('requeue', 0)
        if 'filter' in options:
            self.filter_rule = oslo_messaging.NotificationFilter(**options['filter'])
        for priority in options['listen']:
            setattr(self, priority, self.method(priority, 'batch' in options))

    def method(self, priority, in_batches):
        def hear(ctxt, publisher_id, event_type, payload, metadata):
            message = {
                'ctxt': ctxt,
                'publisher_id': publisher_id,
                'event_type': event_type,
                'payload': payload,
                'metadata': metadata,
            }
            return self.hear(priority, [message])

        def hear_batch(messages):
            return self.hear(priority, messages)

        return hear_batch if in_batches else hear

    def hear(self, priority, messages):
        with self.lock:
            if self.requeued < self.requeue:
                self.requeued += 1
                return oslo_messaging.NotificationResult.REQUEUE
            self.batches.append(len(messages))
            for message in messages:
                heard = {**message, 'ctxt': dict(message['ctxt']), 'priority': priority}
                self.notifications.append(heard)
            return oslo_messaging.NotificationResult.HANDLED

    def heard(self):
        with self.lock:
            return {
                'notifications': list(self.notifications),
                'batches': list(self.batches),
                'requeued': self.requeued,
            }


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Contexts as services send them: the notifier drops those that are plain maps."""

    def serialize_context(self, ctxt):
        return ctxt.to_dict()


def listener(transport, topic, endpoint, options):
    how = {
        'executor': 'threading',
        'pool': options.get('pool'),
        'allow_requeue': 'requeue' in options,
    }
    target = [oslo_messaging.Target(topic=topic)]
    if 'batch' not in options:
        return oslo_messaging.get_notification_listener(transport, target, [endpoint], **how)
    size, timeout = options['batch']
    return oslo_messaging.get_batch_notification_listener(
        transport, target, [endpoint], batch_size=size, batch_timeout=timeout, **how
    )


def main():
    options = peer.options()
    conf = configuration.load(options)
    transport = oslo_messaging.get_notification_transport(conf, url=options['url'])
    topic = options['topic']
    one = [{'listen': options['listen']}] if 'listen' in options else []
    wanted = options.get('listeners', one)
    endpoints = [Endpoint(each) for each in wanted]
    listeners = [
        listener(transport, topic, endpoint, each) for endpoint, each in zip(endpoints, wanted)
    ]
    for each in listeners:
        each.start()

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

    def heard(command):
        return endpoints[command.get('listener', 0)].heard()

    def at_end():
        for each in listeners:
            each.stop()
        for each in listeners:
            each.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse({'notify': notify, 'heard': heard}, at_end)


if __name__ == '__main__':
    main()
