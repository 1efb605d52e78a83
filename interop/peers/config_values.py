"""What oslo.config makes of files, directories and the environment.

Options: options [{group, name, kind, default, min, max, choices, old_names, old_places, mutable, help, deprecated}]
Commands:
  read    args [--config-file …], environment {name: value}
          -> {"values": {"group.name": {"value"} or {"error"}}} or {"refused"}
  sample  -> {"text": what oslo-config-generator writes of the options}
  stop
"""

import io
import math
import os
import threading
import types

from oslo_config import cfg
from oslo_config import generator

import peer

# The environment is the process's.
_reading = threading.Lock()


def declared(option):
    kind = option['kind']
    default = option['default']
    arguments = {
        'default': default,
        'help': option['help'],
        'mutable': option['mutable'],
        'deprecated_opts': [cfg.DeprecatedOpt(name) for name in option['old_names']]
        + [cfg.DeprecatedOpt(name, group=group) for group, name in option['old_places']],
        'deprecated_for_removal': option['deprecated'] is not None,
        'deprecated_reason': option['deprecated'],
    }
    name = option['name']
    if kind in ('int', 'float'):
        of = cfg.IntOpt if kind == 'int' else cfg.FloatOpt
        return of(name, min=option['min'], max=option['max'], **arguments)
    if kind == 'choice':
        return cfg.StrOpt(name, choices=option['choices'], **arguments)
    if kind == 'multi':
        arguments['default'] = None if default is None else [default]
        return cfg.MultiStrOpt(name, **arguments)
    if kind == 'dict' and default is not None:
        arguments['default'] = dict(pair.split(':') for pair in default.split(','))
    kinds = {'bool': cfg.BoolOpt, 'text': cfg.StrOpt, 'list': cfg.ListOpt, 'dict': cfg.DictOpt}
    return kinds[kind](name, **arguments)


def value(conf, group, name):
    try:
        found = getattr(conf if group == 'DEFAULT' else conf[group], name)
        # JSON has no form for the others.
        plain = not isinstance(found, float) or math.isfinite(found)
        return {'value': found if plain else repr(found)}
    except Exception as error:
        return {'error': f'{type(error).__name__}: {error}'}


def main():
    options = [(option['group'], declared(option)) for option in peer.options()['options']]

    def read(command):
        conf = cfg.ConfigOpts()
        for group, option in options:
            conf.register_opt(option, group=None if group == 'DEFAULT' else group)
        with _reading:
            os.environ.update(command['environment'])
            try:
                conf(
                    command['args'],
                    project='bergen-peer',
                    default_config_files=[],
                    default_config_dirs=[],
                )
                values = {
                    f'{group}.{option.name}': value(conf, group, option.name)
                    for group, option in options
                }
                return {'values': values}
            except Exception as error:
                return {'refused': f'{type(error).__name__}: {error}'}
            finally:
                for name in command['environment']:
                    del os.environ[name]

    def sample(_command):
        text = io.StringIO()
        settings = types.SimpleNamespace(wrap_width=998, minimal=False, summarize=False)
        formatter = generator._OptFormatter(settings, text)
        groups = {}
        for group, option in options:
            groups.setdefault(group, []).append(option)
        default = groups.pop('DEFAULT', [])
        for group, members in [('DEFAULT', default), *sorted(groups.items())]:
            if text.getvalue():
                formatter.write('\n\n')
            generator._output_opts(formatter, group, {'object': None, 'namespaces': [('bergen', members)]})
        return {'text': text.getvalue()}

    peer.say(ready=True)
    peer.converse({'read': read, 'sample': sample}, lambda: None)


if __name__ == '__main__':
    main()
