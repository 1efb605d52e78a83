"""The configuration of a peer, from its options.

ping: answer `oslo_rpc_server_ping`. threads: size of the thread pool (64).
conf: {"group.option": value}, any option of oslo.messaging.
"""

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import server
from oslo_messaging.rpc import dispatcher
from oslo_messaging.rpc import client
from oslo_messaging.rpc import dispatcher


def load(options):
    # The ping option is read from the global object, so it has to be that one.
    conf = cfg.CONF
    conf([], project='bergen-peer', default_config_files=[])
    # What the overrides may name has to be registered; a transport, which connects on first use,
    # registers its own.
    for options_of in (server._pool_opts, client._client_opts, dispatcher._dispatcher_opts):
        conf.register_opts(options_of)
    oslo_messaging.get_rpc_transport(conf, url=options['url']).cleanup()
    if options.get('ping'):
        conf.register_opts(dispatcher._dispatcher_opts)
        conf.set_override('rpc_ping_enabled', True)
    if 'threads' in options:
        conf.set_override('executor_thread_pool_size', options['threads'])
    for name, value in options.get('conf', {}).items():
        group, _, option = name.rpartition('.')
        conf.set_override(option, value, group=group or None)
    return conf
