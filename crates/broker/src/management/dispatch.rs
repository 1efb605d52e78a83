//! Which part of the API answers what.

use hyper::Method;

use super::api::{Api, Call};
use super::reply::{Refused, Reply};
use super::route::{Empty, Resource};
use serde_json::json;

impl Api {
    /// Answers a request that is known to be allowed. `HEAD` is a `GET` whose body is not sent.
    pub(super) async fn dispatch(
        &self,
        method: &Method,
        resource: Resource<'_>,
        call: Call,
    ) -> Result<Reply, Refused> {
        match *method {
            Method::PUT => self.put(resource, &call).await,
            Method::POST => self.post(resource, &call).await,
            Method::DELETE => self.delete(resource, &call).await,
            _ => self.get(resource, &call).await,
        }
    }

    async fn get(&self, resource: Resource<'_>, call: &Call) -> Result<Reply, Refused> {
        match resource {
            Resource::Overview => self.overview(call).await,
            Resource::WhoAmI => Ok(Self::who_am_i(call)),
            Resource::ClusterName => self.cluster_name().await,
            Resource::Auth => Ok(Reply::Json(
                json!({"enable_uaa": false, "uaa_client_id": "", "uaa_location": ""}),
            )),
            // RabbitMQ has some, for its own page; there is none here.
            Resource::Extensions | Resource::FeatureFlags | Resource::GlobalParameters => {
                Ok(Reply::Json(json!([])))
            }
            Resource::Nodes => self.nodes(call).await,
            Resource::Node(name) => self.node(name, call).await,
            Resource::VirtualHosts => self.virtual_hosts(call).await,
            Resource::VirtualHost(name) => self.virtual_host(name, call).await,
            Resource::VirtualHostPermissions(name) => {
                self.permissions_of(Some(name), None, call).await
            }
            Resource::Connections(vhost) => self.connections(vhost, None, call).await,
            Resource::UserConnections(user) => self.connections(None, Some(user), call).await,
            Resource::Connection(name) => self.connection(name, call).await,
            Resource::ConnectionChannels(name) => self.connection_channels(name, call).await,
            Resource::Channels(vhost) => self.channels(vhost, call).await,
            Resource::Channel(name) => self.channel(name, call).await,
            Resource::Consumers(vhost) => self.consumers(vhost, call).await,
            Resource::Exchanges(vhost) => self.exchanges(vhost, call).await,
            Resource::Exchange(vhost, name) => self.exchange(vhost, name, call).await,
            Resource::ExchangeBindings(vhost, name, end) => {
                self.exchange_bindings(vhost, name, end, call).await
            }
            Resource::Queues(vhost) => self.queues(vhost, call).await,
            Resource::Queue(vhost, name) => self.queue(vhost, name, call).await,
            Resource::QueueBindings(vhost, name) => self.queue_bindings(vhost, name, call).await,
            Resource::Bindings(vhost) => self.bindings(vhost, call).await,
            Resource::BindingsBetween(ends) => self.bindings_between(ends, call).await,
            Resource::Binding(ends, key) => self.binding(ends, key, call).await,
            Resource::Users => self.users(false, call).await,
            Resource::UsersWithoutPermissions => self.users(true, call).await,
            Resource::User(name) => self.user(name, call).await,
            Resource::UserPermissions(user) => self.permissions_of(None, Some(user), call).await,
            Resource::Permissions => self.permissions_of(None, None, call).await,
            Resource::Permission(vhost, user) => self.permission(vhost, user, call).await,
            Resource::Definitions(vhost) => self.definitions(vhost, call).await,
            Resource::Aliveness(vhost) => self.aliveness(vhost, call).await,
            Resource::Health(check) => self.health(check).await,
            Resource::Empty(Empty::One) => Err(Refused::not_found()),
            Resource::Empty(_) => Ok(Reply::Json(json!([]))),
            Resource::Publish(..)
            | Resource::QueueContents(..)
            | Resource::QueueGet(..)
            | Resource::QueueActions(..) => Err(Refused::method_not_allowed(resource.methods())),
        }
    }

    async fn put(&self, resource: Resource<'_>, call: &Call) -> Result<Reply, Refused> {
        match resource {
            Resource::VirtualHost(name) => self.put_virtual_host(name, call).await,
            Resource::Exchange(vhost, name) => self.put_exchange(vhost, name, call).await,
            Resource::Queue(vhost, name) => self.put_queue(vhost, name, call).await,
            Resource::User(name) => self.put_user(name, call).await,
            Resource::Permission(vhost, user) => self.put_permission(vhost, user, call).await,
            Resource::Empty(_) => Err(Refused::bad_request(
                "this broker has no policies, parameters or limits: give arguments with queues instead",
            )),
            _ => Err(Refused::method_not_allowed(resource.methods())),
        }
    }

    async fn post(&self, resource: Resource<'_>, call: &Call) -> Result<Reply, Refused> {
        match resource {
            Resource::Publish(vhost, exchange) => self.publish(vhost, exchange, call).await,
            Resource::QueueGet(vhost, queue) => self.get_messages(vhost, queue, call).await,
            Resource::QueueActions(..) => Self::queue_action(call),
            Resource::BindingsBetween(ends) => self.bind(ends, call).await,
            Resource::Definitions(vhost) => self.import(vhost, call).await,
            _ => Err(Refused::method_not_allowed(resource.methods())),
        }
    }

    async fn delete(&self, resource: Resource<'_>, call: &Call) -> Result<Reply, Refused> {
        match resource {
            Resource::VirtualHost(name) => self.delete_virtual_host(name).await,
            Resource::Connection(name) => self.close_connection(name, call).await,
            Resource::UserConnections(user) => self.close_connections_of(user, call).await,
            Resource::Exchange(vhost, name) => self.delete_exchange(vhost, name, call).await,
            Resource::Queue(vhost, name) => self.delete_queue(vhost, name, call).await,
            Resource::QueueContents(vhost, name) => self.purge(vhost, name, call).await,
            Resource::Binding(ends, key) => self.unbind(ends, key, call).await,
            Resource::User(name) => self.delete_user(name).await,
            Resource::Permission(vhost, user) => self.delete_permission(vhost, user).await,
            Resource::Empty(_) => Err(Refused::not_found()),
            _ => Err(Refused::method_not_allowed(resource.methods())),
        }
    }
}
