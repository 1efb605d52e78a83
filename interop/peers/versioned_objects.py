"""Versioned objects and contexts of oslo.versionedobjects and oslo.context, through oslo.messaging, in both directions.

Options: url, topic, server, project ("nova" or "neutron": whose prefix the objects have).
Methods, with the library's serializer under them:
  random(seed)                      -> an object with random fields
  echo(obj)                         -> the object
  backport(obj, target, manifest)   -> its primitive, as the library brings it to an older version
  manifest(name)                    -> what the library tells of the class
  context()                         -> the context, as oslo.context has read it
Commands:
  call      topic, method, seed -> {"sent": primitive, "got": primitive of the result}: with a random object
  context   topic, method, values -> {"sent": the context's dict, "got": the result}
  stop
"""

import datetime
import random
import uuid

import oslo_messaging
from oslo_context import context
from oslo_versionedobjects import base
from oslo_versionedobjects import fields

import configuration
import peer


class Object(base.VersionedObject):
    """The base of both classes; its marks are the project's."""


class Serializer(base.VersionedObjectSerializer):
    OBJ_BASE_CLASS = Object

    def serialize_context(self, ctxt):
        return ctxt.to_dict()

    def deserialize_context(self, ctxt):
        return context.RequestContext.from_dict(ctxt)


@base.VersionedObjectRegistry.register
class Child(Object):
    VERSION = '1.2'
    fields = {
        'n': fields.IntegerField(),
        'label': fields.StringField(nullable=True),
    }

    def obj_make_compatible(self, primitive, target_version):
        super().obj_make_compatible(primitive, target_version)
        if older(target_version, (1, 1)):
            primitive.pop('label', None)


@base.VersionedObjectRegistry.register
class ChildList(base.ObjectListBase, Object):
    VERSION = '1.1'
    fields = {'objects': fields.ListOfObjectsField('Child')}


@base.VersionedObjectRegistry.register
class Everything(Object):
    VERSION = '1.5'
    fields = {
        'id': fields.IntegerField(read_only=True),
        'count': fields.NonNegativeIntegerField(),
        'name': fields.StringField(nullable=True),
        'state': fields.EnumField(valid_values=('up', 'down')),
        'ratio': fields.FloatField(),
        'lit': fields.BooleanField(default=True),
        'loose': fields.FlexibleBooleanField(),
        'at': fields.DateTimeField(nullable=True),
        'uuid': fields.UUIDField(),
        'address': fields.IPAddressField(),
        'network': fields.IPNetworkField(),
        'mac': fields.MACAddressField(),
        'strings': fields.ListOfStringsField(),
        'numbers': fields.SetOfIntegersField(),
        'tags': fields.DictOfNullableStringsField(),
        'counts': fields.DictOfIntegersField(),
        'groups': fields.DictOfListOfStringsField(),
        'lists': fields.ListOfListsOfStringsField(),
        'maps': fields.ListOfDictOfNullableStringsField(),
        'child': fields.ObjectField('Child', nullable=True),
        'children': fields.ListOfObjectsField('Child'),
        'list': fields.ObjectField('ChildList'),
        'newer': fields.StringField(),
    }
    obj_relationships = {
        'child': [('1.1', '1.0'), ('1.4', '1.2')],
        'children': [('1.0', '1.0'), ('1.5', '1.2')],
        'list': [('1.0', '1.0'), ('1.5', '1.1')],
    }

    def obj_make_compatible(self, primitive, target_version):
        super().obj_make_compatible(primitive, target_version)
        if older(target_version, (1, 3)):
            primitive.pop('newer', None)


def older(version, than):
    return tuple(int(part) for part in version.split('.')) < than


class Maker:
    """Random values."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        return ''.join(self.random.choices('ab ü"\\\n\U0001f600', k=self.random.randrange(6)))

    def maybe(self, value):
        return self.random.choice((None, value))

    def some(self, make):
        return [make() for _ in range(self.random.randrange(4))]

    def map(self, make):
        return {self.text(): make() for _ in range(self.random.randrange(4))}

    def number(self):
        return self.random.randrange(-(2**63), 2**63)

    def nullable(self):
        return self.maybe(self.text())

    def child(self):
        child = Child(n=self.number())
        if self.random.random() < 0.5:
            child.obj_reset_changes()
        if self.random.random() < 0.7:
            child.label = self.nullable()
        return child

    def children(self):
        children = ChildList(objects=self.some(self.child))
        if self.random.random() < 0.5:
            children.obj_reset_changes()
        return children

    def at(self):
        zone = datetime.timezone.utc
        at = datetime.datetime.fromtimestamp(self.random.randrange(2**32), zone)
        return self.maybe(at.replace(microsecond=self.random.randrange(10**6)))

    def everything(self):
        bits = self.random.getrandbits
        values = {
            'id': self.number(),
            'count': self.random.randrange(2**63),
            'name': self.nullable(),
            'state': self.random.choice(('up', 'down')),
            'ratio': self.random.choice((0.0, 1.5, self.random.gauss(0, 1e9), 1e-300)),
            'lit': self.random.choice((True, False)),
            'loose': self.random.choice(('yes', 'no', True, 0, '1', 'T')),
            'at': self.at(),
            'uuid': str(uuid.UUID(int=bits(128))),
            'address': self.random.choice(('192.0.2.%d' % bits(8), '2001:db8::%x' % bits(16))),
            'network': self.random.choice(('10.0.%d.0/24' % bits(8), '2001:db8::/%d' % (32 + bits(6)))),
            'mac': ':'.join('%02X' % bits(8) for _ in range(6)),
            'strings': self.some(self.text),
            'numbers': set(self.some(self.number)),
            'tags': self.map(self.nullable),
            'counts': self.map(self.number),
            'groups': self.map(lambda: self.some(self.text)),
            'lists': self.some(lambda: self.some(self.text)),
            'maps': self.some(lambda: self.map(self.nullable)),
            'child': self.maybe(self.child()),
            'children': self.some(self.child),
            'list': self.children(),
            'newer': self.text(),
        }
        result = Everything()
        for name, value in values.items():
            if self.random.random() < 0.8:
                setattr(result, name, value)
            if self.random.random() < 0.1:
                result.obj_reset_changes()
        return result


class Endpoint:
    def random(self, ctxt, seed):
        return Maker(seed).everything()

    def echo(self, ctxt, obj):
        return obj

    def backport(self, ctxt, obj, target, manifest):
        return obj.obj_to_primitive(target_version=target, version_manifest=manifest)

    def manifest(self, ctxt, name):
        return base.obj_tree_get_versions(name)

    def context(self, ctxt):
        return ctxt.to_dict()


def main():
    options = peer.options()
    if options['project'] == 'nova':
        Object.OBJ_SERIAL_NAMESPACE = 'nova_object'
        Object.OBJ_PROJECT_NAMESPACE = 'nova'
    conf = configuration.load(options)
    transport = oslo_messaging.get_rpc_transport(conf, url=options['url'])
    target = oslo_messaging.Target(topic=options['topic'], server=options['server'])
    server = oslo_messaging.get_rpc_server(
        transport, target, [Endpoint()], executor='threading', serializer=Serializer()
    )
    server.start()

    def client(command):
        target = oslo_messaging.Target(topic=command['topic'])
        return oslo_messaging.get_rpc_client(transport, target, timeout=15, serializer=Serializer())

    def call(command):
        sent = Maker(command['seed']).everything()
        got = client(command).call(context.RequestContext(), command['method'], obj=sent)
        return {'sent': sent.obj_to_primitive(), 'got': got.obj_to_primitive()}

    def send_context(command):
        sent = context.RequestContext(**command['values'])
        got = client(command).call(sent, command['method'])
        return {'sent': sent.to_dict(), 'got': got}

    def at_end():
        server.stop()
        server.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse({'call': call, 'context': send_context}, at_end)


if __name__ == '__main__':
    main()
