"""kombu for connections, exchanges, queues and producers; py-amqp below it for the rest."""

import time as clock

import kombu
from amqp import exceptions

from foreign import LIMIT, Refused


def connect(url, heartbeat):
    connection = kombu.Connection(url, heartbeat=heartbeat, transport_options={'confirm_publish': True})
    connection.connect()
    return Connection(connection)


# Types of header values that it can't write.
UNKNOWN = ()


def time(value):
    """A time in a header, as it comes back."""
    return value.replace(tzinfo=None)


class Connection:
    def __init__(self, connection):
        self.connection = connection

    def channel(self):
        return Channel(self.connection)

    def idle(self, seconds):
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            self.connection.heartbeat_check()
            try:
                self.connection.drain_events(timeout=0.2)
            except TimeoutError:
                pass

    def close(self):
        self.connection.release()


def told(method):
    """What the broker refuses, as the round knows it."""

    def wrapped(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except exceptions.ChannelError as error:
            raise Refused(error.reply_code, error.reply_text) from error

    return wrapped


class Channel:
    def __init__(self, connection):
        self.connection = connection
        self.channel = connection.channel()
        self.came = []
        self.returned = []
        self.channel.events['basic_return'].add(
            lambda error, exchange, key, message: self.returned.append((error.reply_code, error.reply_text, key, raw(message)))
        )

    @told
    def declare_exchange(self, name, kind, passive=False, durable=False, auto_delete=False):
        # kombu's own call passes over names that begin with amq.
        self.channel.exchange_declare(name, kind, passive=passive, durable=durable, auto_delete=auto_delete)

    @told
    def delete_exchange(self, name, if_unused=False):
        kombu.Exchange(name, channel=self.channel).delete(if_unused=if_unused)

    @told
    def bind_exchange(self, destination, source, key):
        kombu.Exchange(destination, channel=self.channel).bind_to(source, key)

    @told
    def declare_queue(self, name, passive=False, durable=False, exclusive=False, auto_delete=False, arguments=None):
        queue = kombu.Queue(
            name,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
            queue_arguments=arguments,
            channel=self.channel,
        )
        # kombu's own call tells the name only.
        answer = queue.channel.queue_declare(
            name,
            passive=passive,
            durable=queue.durable,
            exclusive=queue.exclusive,
            auto_delete=queue.auto_delete,
            arguments=queue.queue_arguments,
        )
        return answer.queue, answer.message_count, answer.consumer_count

    @told
    def delete_queue(self, name, if_unused=False, if_empty=False):
        return kombu.Queue(name, channel=self.channel).delete(if_unused=if_unused, if_empty=if_empty)

    @told
    def purge_queue(self, name):
        # kombu's own call passes over a queue that is not there.
        return self.channel.queue_purge(name)

    @told
    def bind_queue(self, queue, exchange, key, arguments=None):
        kombu.Queue(queue, channel=self.channel).bind_to(exchange, key, arguments=arguments)

    @told
    def unbind_queue(self, queue, exchange, key):
        kombu.Queue(queue, channel=self.channel).unbind_from(kombu.Exchange(exchange), key)

    @told
    def publish(self, exchange, key, body, properties=None, mandatory=False):
        properties = dict(properties or {})
        # In seconds there.
        if 'expiration' in properties:
            properties['expiration'] = int(properties['expiration']) / 1000
        properties.setdefault('content_type', 'application/octet-stream')
        properties.setdefault('content_encoding', 'binary')
        producer = kombu.Producer(self.channel, auto_declare=False)
        try:
            producer.publish(body, exchange=exchange, routing_key=key, mandatory=mandatory, **properties)
        except exceptions.MessageNacked:
            return 'nacked'
        return self.returned.pop() if self.returned else 'confirmed'

    def qos(self, prefetch):
        self.channel.basic_qos(0, prefetch, False)

    @told
    def consume(self, queue, tag, no_ack=False, exclusive=False):
        self.channel.basic_consume(
            queue,
            tag,
            no_ack=no_ack,
            exclusive=exclusive,
            callback=lambda message: self.came.append(described(message)),
            on_cancel=lambda _: self.came.append(None),
        )

    def cancel(self, tag):
        self.channel.basic_cancel(tag)

    def next(self):
        deadline = clock.monotonic() + LIMIT
        while not self.came:
            self.connection.drain_events(timeout=deadline - clock.monotonic())
        return self.came.pop(0)

    def get(self, queue):
        message = self.channel.basic_get(queue)
        if message is None:
            return None
        return {**described(message), 'left': message.delivery_info['message_count']}

    def ack(self, delivery, multiple=False):
        self.channel.basic_ack(delivery['tag'], multiple)

    def nack(self, delivery, multiple=False, requeue=True):
        # py-amqp has no call for it.
        self.channel.send_method((60, 120), 'Lbb', (delivery['tag'], multiple, requeue))

    def reject(self, delivery, requeue):
        self.channel.basic_reject(delivery['tag'], requeue)

    @told
    def ack_unknown(self, tag):
        self.channel.basic_ack(tag)
        self.channel.basic_qos(0, 1, False)

    def close(self):
        self.channel.close()


def described(message):
    properties = dict(message.properties)
    properties['headers'] = properties.pop('application_headers', None)
    info = message.delivery_info
    return {
        'tag': info['delivery_tag'],
        'redelivered': info['redelivered'],
        'exchange': info['exchange'],
        'routing_key': info['routing_key'],
        'properties': properties,
        'body': raw(message),
    }


def raw(message):
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)
