"""A whole service of oslo.messaging: RPC server and client, notifier and listener.

Options: url, topic, server, and those of configuration.py.
Commands:
  call, cast   as those of rpc_client.py: target {topic, server, fanout}, method, args, timeout
  notify       topic, event_type
  seen         -> {"calls": {method: count}, "events": [event_type]}
  stop
Its methods are `whoami`, which answers the server's name, and `poke`. It listens for notifications of
priority info on `nl`.
"""

import collections
import threading

import oslo_messaging

import configuration
import peer


class Endpoint:
    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.calls = collections.Counter()
        self.events = []

    def whoami(self, ctxt):
        with self.lock:
            self.calls['whoami'] += 1
        return self.name

    def poke(self, ctxt):
        with self.lock:
            self.calls['poke'] += 1

    def heard(self, event_type):
        with self.lock:
            self.events.append(event_type)


class Listener:
    def __init__(self, endpoint):
        self.endpoint = endpoint

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.endpoint.heard(event_type)


def main():
    options = peer.options()
    conf = configuration.load(options)
    url = options['url']
    rpc = oslo_messaging.get_rpc_transport(conf, url=url)
    notifications = oslo_messaging.get_notification_transport(conf, url=url)
    endpoint = Endpoint(options['server'])
    target = oslo_messaging.Target(topic=options['topic'], server=options['server'])
    server = oslo_messaging.get_rpc_server(rpc, target, [endpoint], executor='threading')
    server.start()
    listener = oslo_messaging.get_notification_listener(
        notifications,
        [oslo_messaging.Target(topic='nl')],
        [Listener(endpoint)],
        executor='threading',
    )
    listener.start()

    def invoke(command):
        client = oslo_messaging.get_rpc_client(
            rpc, oslo_messaging.Target(**command['target']), timeout=command.get('timeout', 15)
        )
        return getattr(client, command['op'])({}, command['method'], **command.get('args', {}))

    def notify(command):
        notifier = oslo_messaging.Notifier(
            notifications,
            publisher_id=options['server'],
            driver='messagingv2',
            topics=[command['topic']],
            # Without it a notification that cannot be sent is tried for ever.
            retry=1,
        )
        notifier.info({}, command['event_type'], {})

    def seen(_):
        with endpoint.lock:
            return {'calls': dict(endpoint.calls), 'events': list(endpoint.events)}

    def at_end():
        server.stop()
        listener.stop()
        server.wait()
        listener.wait()
        rpc.cleanup()
        notifications.cleanup()

    peer.say(ready=True)
    peer.converse(
        {
            'call': lambda command: {'result': invoke(command)},
            'cast': lambda command: {'result': invoke(command)},
            'notify': notify,
            'seen': seen,
        },
        at_end,
    )


if __name__ == '__main__':
    main()
