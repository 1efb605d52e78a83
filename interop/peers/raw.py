"""The broker by hand, through kombu: what no honest peer would send.

Options: url (with a virtual host).
Commands:
  declare      queue, exchange, type, routing_key, durable, auto_delete, arguments
  publish      exchange, routing_key, body (text) or body_hex, headers, properties
  get          queue, seconds -> {"message": {body, length, headers, properties, routing_key} or null}
  exists       queue or exchange -> {"exists": bool}
  stop
"""

import binascii
import threading
import time

import amqp
import kombu
from amqp import exceptions

import peer


class Broker:
    def __init__(self, url):
        self.connection = kombu.Connection(url.replace('rabbit://', 'amqp://', 1))
        self.channel = self.connection.channel()
        # One channel, so one command at a time.
        self.lock = threading.Lock()

    def declare(self, command):
        durable = command.get('durable', False)
        auto_delete = command.get('auto_delete', False)
        if command.get('exchange'):
            kombu.Exchange(
                command['exchange'],
                type=command.get('type', 'topic'),
                durable=durable,
                auto_delete=auto_delete,
                channel=self.channel,
            ).declare()
        if command.get('queue'):
            self.channel.queue_declare(
                command['queue'],
                durable=durable,
                auto_delete=auto_delete,
                arguments=command.get('arguments'),
            )
            if command.get('exchange'):
                key = command.get('routing_key', command['queue'])
                self.channel.queue_bind(command['queue'], command['exchange'], key)

    def publish(self, command):
        body = command.get('body', '').encode()
        if 'body_hex' in command:
            body = binascii.unhexlify(command['body_hex'])
        properties = {
            'content_type': 'application/json',
            'content_encoding': 'utf-8',
            'delivery_mode': 2,
        }
        properties.update(command.get('properties', {}))
        message = amqp.basic_message.Message(
            body, application_headers=command.get('headers', {}), **properties
        )
        self.channel.basic_publish(
            message, exchange=command.get('exchange', ''), routing_key=command['routing_key']
        )

    def get(self, command):
        deadline = time.monotonic() + command.get('seconds', 0)
        while True:
            message = self.channel.basic_get(command['queue'], no_ack=True)
            if message is not None:
                return {'message': describe(message)}
            if time.monotonic() >= deadline:
                return {'message': None}
            time.sleep(0.02)

    def exists(self, command):
        # A passive declare that fails closes its channel.
        channel = self.connection.channel()
        try:
            if 'queue' in command:
                channel.queue_declare(command['queue'], passive=True)
            else:
                channel.exchange_declare(command['exchange'], None, passive=True)
        except exceptions.NotFound:
            return {'exists': False}
        channel.close()
        return {'exists': True}

    def handler(self, method):
        def locked(command):
            with self.lock:
                return method(command)

        return locked


def describe(message):
    body = message.body
    length = len(body)
    if isinstance(body, bytes):
        body = body.decode(errors='replace')
    return {
        'body': body,
        'length': length,
        'headers': message.headers,
        'properties': message.properties,
        'content_type': message.content_type,
        'content_encoding': message.content_encoding,
        'routing_key': message.delivery_info['routing_key'],
        'exchange': message.delivery_info['exchange'],
    }


def main():
    broker = Broker(peer.options()['url'])
    methods = (broker.declare, broker.publish, broker.get, broker.exists)
    peer.say(ready=True)
    peer.converse(
        {method.__name__: broker.handler(method) for method in methods}, broker.connection.release
    )


if __name__ == '__main__':
    main()
