"""An RPC server that tells of every request that it runs, for the accounts of the fault suite.

Options: url, topic, server, and those of configuration.py.
Events: {"e": "ran", "id", "t", "redelivered"} before a method runs; `t` is the time of day.
Commands: stop.
"""

import time

import oslo_messaging
from oslo_messaging.rpc import dispatcher
from oslo_messaging.rpc import server as rpc_server

import configuration
import peer


class Endpoint:
    def work(self, ctxt, id, pause):
        time.sleep(pause)
        return id


class Dispatcher(dispatcher.RPCDispatcher):
    """Tells before it dispatches; the broker's flag is not to be seen any deeper."""

    def dispatch(self, incoming):
        raw = incoming.message._raw_message
        peer.say(
            e='ran',
            id=incoming.message.get('args', {}).get('id'),
            t=time.time(),
            redelivered=bool(raw.delivery_info.get('redelivered')),
        )
        return super().dispatch(incoming)


def main():
    options = peer.options()
    conf = configuration.load(options)
    transport = oslo_messaging.get_rpc_transport(conf, url=options['url'])
    target = oslo_messaging.Target(topic=options['topic'], server=options['server'])
    server = rpc_server.RPCServer(
        transport, target, Dispatcher([Endpoint()], None), 'threading'
    )
    server.start()

    def at_end():
        server.stop()
        server.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse({}, at_end)


if __name__ == '__main__':
    main()
