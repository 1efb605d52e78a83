"""A filter for nova's API in the place of Keystone's: each request comes from an administrator.

nova has no pipeline without Keystone any more. With this one in its authtoken's place, all that
comes behind is nova's own.
"""

IDENTITY = {
    "HTTP_X_IDENTITY_STATUS": "Confirmed",
    "HTTP_X_USER_ID": "admin",
    "HTTP_X_PROJECT_ID": "admin",
    "HTTP_X_USER_DOMAIN_ID": "default",
    "HTTP_X_PROJECT_DOMAIN_ID": "default",
    "HTTP_X_ROLES": "admin,manager,member,reader,service",
}


def filter_factory(global_conf, **local_conf):
    def filter_app(app):
        def call(environ, start_response):
            return app({**environ, **IDENTITY}, start_response)

        return call

    return filter_app
